/** The parser of the command line. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { refuseProblem } from "../../src/cli/line-errors.ts";
import { type Definitions, parseLine } from "../../src/cli/parse-line.ts";
import { withSeparator } from "../../src/cli/words.ts";

const DEFINITIONS: Definitions = {
  "target...": { type: "positional" },
  tty: { type: "boolean", alias: "t" },
  quiet: { type: "boolean", alias: "q" },
  "ssh-option": { type: "string", alias: "o", valueHint: "KEY=VALUE", repeated: true },
  deadline: { type: "string", valueHint: "TIME" },
};

const parse = (...words: string[]) => parseLine(DEFINITIONS, words);

describe("options", () => {
  const read: readonly (readonly [words: string[], flags: object, before: string[]])[] = [
    [["-o", "A=1", "-oB=2", "--ssh-option=C=3"], { "ssh-option": ["A=1", "B=2", "C=3"] }, []],
    [["-tqoA=1", "web1"], { tty: true, quiet: true, "ssh-option": ["A=1"] }, ["web1"]],
    [["--deadline", "5", "--deadline=6"], { deadline: "6" }, []],
    [["--deadline", "-5"], { deadline: "-5" }, []],
    [["--deadline="], { deadline: "" }, []],
    [["web1", "-1", "-.5", "-", "-t"], { tty: true }, ["web1", "-1", "-.5", "-"]],
  ];
  test.each(read)("%j", (words, flags, before) => {
    const line = parse(...words);
    expect(line.flags).toEqual(flags as typeof line.flags);
    expect([...line.before]).toEqual(before);
    expect(line.problem).toBeUndefined();
  });
});

test("all after -- is another program's, whatever it looks like", () => {
  const line = parse("web1", "--", "ls", "--nope", "--", "-t");
  expect([...line.before]).toEqual(["web1"]);
  expect(line.after).toEqual(["ls", "--nope", "--", "-t"]);
  expect(line.problem).toBeUndefined();
  expect(parse("web1").after).toBeUndefined();
  expect(parse("web1", "--").after).toEqual([]);
});

test("a program ends the options: the words after it are its own", () => {
  const line = parseLine(DEFINITIONS, ["-t", "--deadline", "5", "main.ts", "--nope"], true);
  expect(line.words).toEqual([{ text: "main.ts", index: 3 }]);
  expect(line.problem).toBeUndefined();
});

describe("errors", () => {
  const wrong: readonly (readonly [words: string[], said: string])[] = [
    [["--nope"], "unknown option --nope"],
    [["--nope=1"], "unknown option --nope"],
    [["-tx"], "unknown option -x"],
    [["--constructor"], "unknown option --constructor"],
    [["--target..."], "unknown option --target..."],
    [["--dedline", "5"], "unknown option --dedline: did you mean --deadline?"],
    [["--tty=yes"], "--tty takes no value"],
    [["--deadline"], "--deadline needs a value: --deadline=TIME"],
    [["--deadline", "--", "5"], "--deadline needs a value: --deadline=TIME"],
    [["-o", "-t"], "-o needs a value: -o KEY=VALUE"],
    [["--nope", "--deadline"], "unknown option --nope"],
    [["-p", "22"], "unknown option -p; for a port: ssh://HOST:22, or -o Port=22"],
  ];
  test.each(wrong)("%j", (words, said) => {
    expect(() => refuseProblem("exec", DEFINITIONS, parse(...words))).toThrow(
      expect.objectContaining({ message: said }),
    );
  });
});

test("a missing -- is put before the word that begins the other program's words", () => {
  const line = parse("web1", "web2", "df", "-h");
  expect(withSeparator("exec", line, (word) => word === "df")).toBe(
    "econtext exec web1 web2 -- df -h",
  );
  expect(withSeparator("exec", line, () => false)).toBe("econtext exec web1 -- web2 df -h");
  expect(withSeparator("exec", parse("web1"), () => true)).toBeUndefined();
});

test("help is known with the number of words before it", () => {
  expect(parse("-h").helpAt).toBe(0);
  expect(parse("web1", "df", "--help", "x").helpAt).toBe(2);
  expect(parse("web1", "--", "--help").helpAt).toBeUndefined();
  expect(parse("--deadline", "5").helpAt).toBeUndefined();
});

test("any words: each is a word, an option, a value, or the problem; nothing throws", () => {
  const word = fc.oneof(
    fc.constantFrom("-t", "--tty", "-o", "--deadline", "--", "-", "-5", "--x=", "--=", "-"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const line = parse(...words);
      for (const { text, index } of line.words) expect(words[index]).toBe(text);
      const end = words.indexOf("--");
      expect(line.after).toEqual(end < 0 ? undefined : words.slice(end + 1));
    }),
  );
});
