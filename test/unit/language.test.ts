/** The checks of text: what is too long, what may be long, and which phrases are found. */
import { expect, test } from "bun:test";
import { columns, phrases } from "../../scripts/language.ts";

const LONG = "word ".repeat(25).trim();
const lines = (path: string, text: string) => columns(path, text).map(([, line]) => line);

test("a comment over 100 columns is found in each language", () => {
  expect(lines("src/a.ts", `const a = 1;\n// ${LONG}`)).toEqual([2]);
  expect(lines("src/a.ts", `/**\n * ${LONG}\n */`)).toEqual([2]);
  expect(lines("src/a.ts", `const a = 1; // ${LONG}`)).toEqual([1]);
  expect(
    lines("stage1/a.py", `def a():\n    """${LONG}\n    more\n    """\n    # ${LONG}`),
  ).toEqual([2, 5]);
  expect(lines("a.sh", `# ${LONG}`)).toEqual([1]);
});

test("code, tables, code blocks and long words may be longer", () => {
  expect(lines("src/a.ts", `const a = "${LONG}";`)).toEqual([]);
  expect(lines("src/a.ts", `// see ${"x".repeat(120)}`)).toEqual([]);
  expect(lines("a.md", `| ${LONG} |`)).toEqual([]);
  expect(lines("a.md", `\`\`\`\n${LONG}\n\`\`\`\n    ${LONG}`)).toEqual([]);
  expect(lines("a.py", `text = "${LONG}"`)).toEqual([]);
});

test("a paragraph over 100 columns and a cell over 200 characters are found", () => {
  expect(lines("a.md", `# Title\n\n${LONG}`)).toEqual([3]);
  expect(lines("a.md", `| a | ${LONG} ${LONG} |`)).toEqual([1]);
});

test("a banned phrase is found, also across lines of a comment", () => {
  expect(phrases("a.ts", "// an answer\n// that is\n// none")).toHaveLength(1);
  expect(phrases("a.ts", " * runs over\n * there")).toHaveLength(1);
  expect(phrases("a.md", "Whoever reads")).toHaveLength(1);
  expect(phrases("a.ts", "moreover there are")).toEqual([]);
});
