/**
 * A command over ssh that is ended in the middle of its stream, by ctrl-C in a terminal or by the
 * death of ssh: who says what, and what is left.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine, eventually, uniqueSeconds } from "../conformance/session.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { descendants } from "../helpers/leaks.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { loginShell, missingSshd, startSshd } from "../helpers/sshd.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { ECONTEXT, PYTHON } from "./econtext.ts";

setDefaultTimeout(60_000);

const INTERPRETERS = [
  ["python", PYTHON, undefined],
  ["bun", bun().path, bun().missing],
  ["node", nodeOf("26").path, nodeOf("26").missing],
] as const;
/** Of a stream, before it is broken. */
const MIDDLE_BYTES = 4 << 20;

/** Processes with these arguments and no others. */
function running(argv: readonly string[]): string[] {
  return readdirSync("/proc").filter((pid) => commandLine(pid) === `${argv.join("\0")}\0`);
}

/** Until a command runs and has read or written that much. */
async function flows(argv: readonly string[]): Promise<void> {
  const moved = () =>
    running(argv).some((pid) => {
      const io = readFileSync(`/proc/${pid}/io`, "latin1");
      return (
        Number(/rchar: (\d+)/.exec(io)?.[1]) + Number(/wchar: (\d+)/.exec(io)?.[1]) > MIDDLE_BYTES
      );
    });
  expect(await eventually(moved, 20_000)).toBe(true);
}

/** Soon. */
async function expectGone(argv: readonly string[]): Promise<void> {
  expect([await eventually(() => running(argv).length === 0), running(argv)]).toEqual([true, []]);
}

suite("in the middle of a stream over ssh", missingSshd(), "sshd", () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const exec = (...options: readonly string[]) => [
    ...ECONTEXT,
    ...["exec", ...options, "-F", server.configPath, server.host, "--"],
  ];

  for (const [kind, path, missing] of INTERPRETERS) {
    suite(kind, missing, kind, () => {
      const noTerminal = missingTmux ?? loginShell("bash").missing;
      suite("ctrl-C", noTerminal, "tmux", () => {
        test("ends the command, then us by the same signal; the terminal is as it was", async () => {
          await using terminal = new Tmux();
          await terminal.open("PS1='> ' bash --norc -i");
          await terminal.until(/^> *$/);
          await terminal.line("before=$(stty -g)");
          const yes = ["yes", uniqueSeconds()];
          // A shell goes on behind a mere status, and not where its command died of the signal.
          const line = [...exec(`--${kind}`, path), ...yes].join(" ");
          await terminal.line(`${line} > /dev/null; echo WENT ON`);
          await flows(yes);
          await terminal.press("C-c");
          await terminal.until(/\^C\n> *$/);
          await expectGone(yes);
          await terminal.line('echo LEFT $? $([ "$before" = "$(stty -g)" ] && echo SANE)');
          const shown = await terminal.until(/\nLEFT \d.*\n> *$/);
          expect(shown).toEndWith("\nLEFT 130 SANE\n>");
          expect(shown).not.toContain("\nWENT ON");

          if (kind === "node") return;
          // On a terminal of its own the key is the command's, and its end a status, as with ssh.
          const other = ["yes", uniqueSeconds()];
          const onTerminal = [...exec("-t", `--${kind}`, path), ...other].join(" ");
          await terminal.line(`${onTerminal}; echo WENT ON $?`);
          await flows(other);
          await terminal.press("C-c");
          await terminal.until(/WENT ON 130\n> *$/);
          await expectGone(other);
          await terminal.line('[ "$before" = "$(stty -g)" ] && echo STILL "SANE"');
          await terminal.until(/\nSTILL SANE\n> *$/);
        });
      });

      const word = uniqueSeconds();
      const ways = {
        "from there": ['"$@" > /dev/null', ["yes", word]],
        "to there": ['yes | "$@"', ["grep", "-c", word]],
      } as const;
      test.each(Object.entries(ways))(
        "%s, a killed ssh is told, and nothing is left",
        async (_, way) => {
          const [line, command] = way;
          const argv = ["sh", "-c", line, "sh", ...exec(`--${kind}`, path), ...command];
          await using child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
          await flows(command);
          const [ssh] = descendants(child.pid).filter((one) => one.command.startsWith("ssh "));
          if (ssh === undefined) throw new Error("there is no ssh");
          process.kill(ssh.pid, "SIGKILL");
          const said = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
          const lost =
            /^target: the far side ended \(ssh died of SIGKILL\)\n {2}try: connect again/;
          expect(said).toEqual(["", expect.stringMatching(lost), 255]);
          await expectGone(command);
        },
      );
    });
  }
});

describe("a loop that hears no signal is ended by the second", () => {
  const LOOP = "console.log('on'); while (true);";
  test.each([
    ["a program", (file: string) => [file]],
    ["typed text", () => ["repl", "-e", LOOP]],
  ])("%s", async (_, words) => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-loop-"));
    const file = join(folder, "loop.ts");
    writeFileSync(file, LOOP);
    const argv = [...ECONTEXT, ...words(file)];
    await using child = Bun.spawn(argv, { stdout: "pipe", stderr: "ignore" });
    expect((await child.stdout.getReader().read()).value).toHaveLength(3);
    // Two that come close together may be one.
    while (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGINT");
      await Bun.sleep(20);
    }
    expect(child.signalCode).toBe("SIGINT");
    rmSync(folder, { recursive: true });
  });
});

describe.each(INTERPRETERS)(
  "a command that has left its output open, %s",
  (kind, path, missing) => {
    test.skipIf(missing !== undefined)("a signal ends us, and what it has left", async () => {
      const sleep = ["sleep", uniqueSeconds()];
      const script = `${sleep.join(" ")} & echo $$`;
      const argv = ["exec", `--${kind}`, path, "local", "--", "sh", "-c", script];
      await using child = Bun.spawn([...ECONTEXT, ...argv], { stdout: "pipe", stderr: "pipe" });
      const reader = child.stdout.getReader();
      const first = await reader.read();
      const shell = Buffer.from(first.value ?? [])
        .toString()
        .trim();
      expect(shell).toMatch(/^\d+$/);
      // JavaScript knows of the end when it has reaped the shell; Python asks as the signal comes.
      const hasEnded = () =>
        kind === "python" ? commandLine(shell) === "" : !existsSync(`/proc/${shell}`);
      expect(await eventually(() => hasEnded() && running(sleep).length === 1)).toBe(true);
      child.kill("SIGTERM");
      await child.exited;
      expect([child.signalCode, await child.stderr.text()]).toEqual(["SIGTERM", ""]);
      await expectGone(sleep);
    });
  },
);

test("help whose reader is gone ends as by SIGPIPE, without a word", async () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-help-"));
  const writer = 'until [ -e "$GONE" ]; do sleep 0.01; done; "$0" "$@"; echo $? >&2';
  const line = `{ ${writer}; } | { exec <&-; : > "$GONE"; }`;
  const env = { ...process.env, GONE: join(folder, "gone") };
  const argv = ["sh", "-c", line, ...ECONTEXT, "help"];
  await using child = Bun.spawn(argv, { env, stdin: "ignore", stderr: "pipe" });
  expect(await child.stderr.text()).toBe("141\n");
  rmSync(folder, { recursive: true });
});
