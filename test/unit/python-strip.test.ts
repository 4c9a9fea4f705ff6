/** Comments out, meaning and lines kept; bytes to text as PEP 263 has it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeSource, stripComments } from "../../src/modules/python/strip.ts";

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
    ["hash behind an escaped quote", "x = 'it\\'s # a'  # b\n", "x = 'it\\'s # a'\n"],
    ["hash in a quote of a field", "x = f'{a['#']}' # b\n", "x = f'{a['#']}'\n"],
    ["a name is no prefix", "print'{#' # b\n", "print'{#'\n"],
    ["literal that its line ends", "x = 'a  \ny  # b\n", "x = 'a  \ny\n"],
    ["blanks behind the last line", "x\n \t", "x\n"],
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
    ["Emacs adds a line end", "# coding: utf_8-unix\n\xc3\xa9", "# coding: utf_8-unix\né"],
    ["any case", "# coding: UTF8\n\xc3\xa9", "# coding: UTF8\né"],
    ["not behind a statement", "x\n# coding: latin-1\n\xc3\xa9", "x\n# coding: latin-1\né"],
    ["not in the third line", "\n\n# coding: latin-1\n\xc3\xa9", "\n\n# coding: latin-1\né"],
  ];
  test.each(CASES)("%s", (_what, source, text) => {
    expect(decodeSource(bytes(source))).toBe(text);
  });

  const OTHERS: readonly (readonly [what: string, bytes: string])[] = [
    ["a coding in the first line", "# -*- coding: latin-1 -*-\n\xe9"],
    ["in the second", "#!x\n# vim: set fileencoding=koi8-r :\n\xd1"],
    ["in the second, after a blank one", "\n#coding:cp1252\n\x80"],
    ["one that is unknown", "# coding: rot14\n"],
    ["no UTF-8", "x = '\xe9'"],
    ["a byte order mark of another coding", "\xef\xbb\xbf# coding: latin-1\n"],
  ];
  test.each(OTHERS)("left to Python: %s", (_what, source) => {
    expect(decodeSource(bytes(source))).toBeUndefined();
  });
});
