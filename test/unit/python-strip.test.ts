/** Comments out, meaning and lines kept; bytes to text as PEP 263 has it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeSource, stripComments } from "../../src/modules/python-strip.ts";

describe("stripComments", () => {
  const CASES: readonly (readonly [what: string, source: string, stripped: string])[] = [
    ["coding line and shebang", "#!python\n# coding: latin-1\nx\n", "\n\nx\n"],
    ["comment behind code", "x = 1  # one\ny\n", "x = 1\ny\n"],
    ["comment in brackets", "f(a,  # one\n  b)\n", "f(a,\n  b)\n"],
    ["docstrings stay", '"""a  \n# b\n"""  \nx\n', '"""a  \n# b\n"""\nx\n'],
    ["hash in a string", "x = '#'  # '\n", "x = '#'\n"],
    ["comment in a block", "if a:\n# b\n    c\n    # d\n", "if a:\n\n    c\n"],
    ["continued line", "x = 1 + \\\n  2  # b\n", "x = 1 + \\\n  2\n"],
    ["f-string", 'f"{a:#x}#"  # b\n', 'f"{a:#x}#"\n'],
    ["trailing lines", "x\n\n# a\n\n", "x\n"],
    ["no line end", "x  # a", "x"],
    ["carriage returns", "x # a\r\ny\r\n", "x\r\ny\r\n"],
    ["nothing", "# a", ""],
  ];
  test.each(CASES)("%s", (_what, source, stripped) => {
    expect(stripComments(source)).toBe(stripped);
  });

  test("what is behind a backslash that continues no line stays: it is no Python, and must not become any", () => {
    for (const source of [" \\#\n\t", "x = 1 \\ # one\n+ 2\n", "x = 1 \\ \n+ 2\n"]) {
      expect(stripComments(source).trimEnd()).toBe(source.trimEnd());
    }
  });

  test("any text: it never fails, never adds, and has nothing left to do", () => {
    const piece = fc.constantFrom(..."fr'\"{}()#\\ \t\na1.=\f", '"""', "'''", "if a:\n", "\r\n");
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const source = pieces.join("");
        const once = stripComments(source);
        expect(once.length).toBeLessThanOrEqual(source.length);
        expect(stripComments(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("decodeSource", () => {
  const bytes = (latin1: string) => Uint8Array.from(latin1, (char) => char.charCodeAt(0));

  const CASES: readonly (readonly [what: string, bytes: string, text: string])[] = [
    ["UTF-8 where nothing is said", "x = '\xc3\xa9'", "x = 'é'"],
    ["byte order mark", "\xef\xbb\xbfx = '\xc3\xa9'", "x = 'é'"],
    ["first line", "# -*- coding: latin-1 -*-\n\xe9\x80", "# -*- coding: latin-1 -*-\né\x80"],
    [
      "second line",
      "#!x\n# vim: set fileencoding=ISO-8859-15 :\n\xa4",
      "#!x\n# vim: set fileencoding=ISO-8859-15 :\n€",
    ],
    ["second line after a blank one", "\n#coding:cp1252\n\x80", "\n#coding:cp1252\n€"],
    ["Emacs adds a line end", "# coding: utf_8-unix\n\xc3\xa9", "# coding: utf_8-unix\né"],
    ["not behind a statement", "x\n# coding: latin-1\n\xc3\xa9", "x\n# coding: latin-1\né"],
    ["not in the third line", "\n\n# coding: latin-1\n\xc3\xa9", "\n\n# coding: latin-1\né"],
    ["ascii", "# coding: ascii\nx", "# coding: ascii\nx"],
  ];
  test.each(CASES)("%s", (_what, source, text) => {
    expect(decodeSource(bytes(source))).toBe(text);
  });

  const REFUSED: readonly (readonly [source: string, message: string])[] = [
    ["# coding: rot13\n", "unknown coding: rot13"],
    ["# coding: ascii\n\xe9", "not valid ascii"],
    ["# coding: cp1252\n\x81", "not valid cp1252"],
    ["x = '\xe9'", "not valid utf-8"],
    ["\xef\xbb\xbf# coding: latin-1\n", "coding latin-1 contradicts"],
  ];
  test.each(REFUSED)("refuses %j", (source, message) => {
    expect(() => decodeSource(bytes(source))).toThrow(message);
  });
});
