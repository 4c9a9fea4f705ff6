/** Words that are quoted come out of a shell as they went in. Login shells: test/conformance. */
import { expect, test } from "bun:test";
import { quoteForLoginShell, quoteForPosixShell } from "../../src/shell-quote.ts";

const WORDS = [
  ...["", "a b", "it's", "'", "''", "$HOME", "`id`", "a\nb", "a\\b", "~", "~root", "-n", "*", "!x"],
  ...["#", 'say "hi"', "a=b", "é", "\\'", "a;b", "{a,b}", "%s", "^", "@"],
];
const SHELLS = ["sh", "bash", "dash", "ksh", "zsh", "fish", "tcsh"].filter(
  (shell) => Bun.which(shell) !== null,
);

function printed(shell: string, quoted: readonly string[]): string[] {
  const line = `/usr/bin/env printf '%s\\0' ${quoted.join(" ")}`;
  const { stdout } = Bun.spawnSync([shell, "-c", line]);
  return stdout.toString().split("\0").slice(0, -1);
}

test.each(["sh", "bash", "dash"].filter((shell) => SHELLS.includes(shell)))(
  "%s reads what is quoted for POSIX shells",
  (shell) => {
    expect(printed(shell, WORDS.map(quoteForPosixShell))).toEqual(WORDS);
  },
);

test.each(SHELLS)("%s reads what is quoted for login shells", (shell) => {
  // A login shell expands a leading ~, which paths are meant to have; csh ends at a line's end and
  // takes `!` for history, also in quotes: no word of a first stage has them.
  const words = WORDS.filter((word) => !/^~|[\n!\\]/.test(word));
  expect(printed(shell, words.map(quoteForLoginShell))).toEqual(words);
});

test("a plain word is sent as it is", () => {
  const words = ["ls", "/usr/bin/python3.11", "a=b", "x@y:z", "1,2%", "-BSc"];
  expect(words.map(quoteForLoginShell)).toEqual(words);
  expect(quoteForLoginShell("~/bin/node")).toBe("~/bin/node");
  expect(quoteForPosixShell("~/bin/node")).toBe("'~/bin/node'");
});
