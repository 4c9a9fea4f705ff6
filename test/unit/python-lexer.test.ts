/**
 * The tokenizer, token by token, and on text that is no Python. The standard library's turn:
 * test/stage1/minify.test.ts.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { operatorLength, tokenize } from "../../src/modules/python/lexer.ts";

function texts(source: string): string[] {
  return tokenize(source)
    .filter(({ kind }) => !/line|nl|dent/.test(kind))
    .map(({ start, end }) => source.slice(start, end));
}

function kinds(source: string): string {
  return tokenize(source)
    .map(({ kind }) => kind)
    .join(" ");
}

/** One literal each: the whole text must be one token. */
const STRINGS = [
  `''`,
  `"a\\"b"`,
  `'''a'b''c\n'''`,
  `"""a\\"""b"""`,
  `"a\\\nb"`,
  `'a\\\r\nb'`,
  `r'\\\\'`,
  `rb"\\""`,
  `Br''`,
  `uR"x"`,
  `u'é'`,
  `f'{a}'`,
  `f'{a["b"]!r:>{width}}'`,
  `f"{a["b"]}"`,
  `f"{f"{f"{1}"}"}"`,
  `f'{{}}'`,
  `f'{x:{"{"}>{10}}'`,
  `f"{x:%H:%M}"`,
  `f"{x!r}"`,
  `f"{(lambda x: {1: '}'})(2)}"`,
  `f"{\n  a  # it's\n}"`,
  `f"""{\n  a["""b"""]\n}"""`,
  `f"\\N{DIGIT ONE}{a}"`,
  `rf"\\N{a["x"]}"`,
  `f"\\{a["x"]}"`,
  `f"{a:\\"}"`,
  `f'{a:{b:{c}}}'`,
  `f"{a=}"`,
  `t"{a["b"]}"`,
];

test.each(STRINGS)("one string: %s", (literal) => {
  expect(texts(`x = ${literal}; y`)).toEqual(["x", "=", literal, ";", "y"]);
});

const NUMBERS =
  "0 1 10L 017 0o17 0O1l 0b1 0xFFl 1_000 1. .5 1.5e-10 1e5j 1E+1 1_0.0_1J 0xdead_beef";

test.each(NUMBERS.split(" "))("one number: %s", (number) => {
  expect(texts(`${number} or`)).toEqual([number, "or"]);
});

test("numbers end where a word starts", () => {
  expect(texts("1if 2else 0xfor")).toEqual(["1", "if", "2", "else", "0xf", "or"]);
  expect(texts("1..real 1 .real 1.e5")).toEqual(["1.", ".", "real", "1", ".", "real", "1.e5"]);
});

test("operators take the longest match", () => {
  const all = "**= //= >>= <<= ... += -= *= /= %= &= |= ^= @= == != <= >= := -> <> ** // >> <<";
  expect(texts(all.replaceAll(" ", " x "))).toEqual(all.replaceAll(" ", " x ").split(" "));
  expect(texts("a<>b`c`")).toEqual(["a", "<>", "b", "`", "c", "`"]);
  expect(operatorLength("<-")).toBe(1);
  expect(operatorLength("x")).toBe(0);
});

test("names may hold any letter", () => {
  expect(texts("_a1 = żółw.𝐱")).toEqual(["_a1", "=", "żółw", ".", "𝐱"]);
});

test("blocks open and close by width, tabs to the next eighth column", () => {
  expect(kinds("if a:\n        b\n\tc\nd")).toBe(
    "name name op newline indent name newline name newline dedent name newline",
  );
  expect(kinds("if a:\n  if b:\n    c")).toBe(
    "name name op newline indent name name op newline indent name newline dedent dedent",
  );
});

test("blank lines and comments do not move the indentation", () => {
  expect(kinds("if a:\n  b\n# x\n\n \f\n  c\n")).toBe(
    "name name op newline indent name newline comment nl nl nl name newline dedent",
  );
});

test("brackets and backslashes join lines", () => {
  expect(kinds("f(a, # x\n\n  b)\n")).toBe("name op name op comment nl nl name op newline");
  expect(kinds("a = \\\n  b\\\r\n.c\n")).toBe("name op name op name newline");
});

test("all three line ends count, and a byte order mark does not", () => {
  expect(kinds("\ufeffa\rb\r\nc\n")).toBe("name newline name newline name newline");
});

test("a broken literal ends at its line or at the end of the file", () => {
  expect(texts("x = 'abc\ny = 1")).toEqual(["x", "=", "'abc", "y", "=", "1"]);
  expect(texts('x = """abc\ny')).toEqual(["x", "=", '"""abc\ny']);
  expect(texts("x = f'{a")).toEqual(["x", "=", "f'{a"]);
  expect(texts("x = 'abc\\")).toEqual(["x", "=", "'abc\\"]);
  expect(texts("a ? b $")).toEqual(["a", "?", "b", "$"]);
});

test("hostile nesting costs neither stack nor time", () => {
  for (const piece of ["f'{", "f'{x:{", "(", "f'''{f\"\"\"{", "'", "{", "f'{{", "\\\n", " (\n"]) {
    const source = piece.repeat(30_000);
    expect(tokenize(source).at(-1)?.end).toBe(source.length);
  }
});

test("any text: tokens are in order, cover all but white space, and never fail", () => {
  const piece = fc.constantFrom(
    ..."fr'\"{}()[]:!#\\N \t\n\rab1.=\f",
    '"""',
    "'''",
    "f'",
    "if a:\n",
  );
  const source = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(source, (text) => {
      let end = 0;
      for (const token of tokenize(text)) {
        expect(token.start).toBeGreaterThanOrEqual(token.kind === "indent" ? 0 : end);
        const gap = text.slice(end, token.start);
        expect(gap.replace(/[ \t\f\ufeff]|\\(\r\n|\n|\r)/g, "")).toBe("");
        end = token.end;
      }
      expect(text.slice(end).replace(/[ \t\f\ufeff]/g, "")).toBe("");
    }),
    { numRuns: 2000 },
  );
});

test("reading ends with the logical line of the place that it goes to", () => {
  const source = "a = (\n1,\n2)\nb = '''\n'''\nc\n";
  for (const [until, last] of [
    [0, ")"],
    [source.indexOf("2"), ")"],
    [source.indexOf("b"), "'''\n'''"],
  ] as const) {
    const tokens = tokenize(source, until).filter(({ kind }) => kind !== "newline");
    expect(source.slice(tokens.at(-1)?.start, tokens.at(-1)?.end)).toBe(last);
  }
});
