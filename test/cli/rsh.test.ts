/**
 * `econtext rsh` in the place of ssh: how it reads ssh's options, and the programs that it is for.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSshLine } from "../../src/cli/commands/rsh.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { missingSshd, startSshd } from "../helpers/sshd.ts";
import { ECONTEXT } from "./econtext.ts";

describe("ssh's own way to write a command line", () => {
  const cases: readonly (readonly [
    line: string,
    host: string,
    command: string,
    options: string,
  ])[] = [
    ["web1 uname -a", "web1", "uname -a", ""],
    ["-l me -p22 web1 ls", "web1", "ls", "-l me -p 22"],
    ["-oA=b -4x web1 -- ls -l", "web1", "ls -l", "-o A=b -4"],
    ["web1 -l me ls -l", "web1", "ls -l", "-l me"],
    ["-x -s -- web1 sftp", "web1", "sftp", ""],
  ];
  for (const [line, host, command, options] of cases) {
    test(line, () => {
      const read = readSshLine(line.split(" "));
      expect([read.host, read.command, read.options.join(" ")]).toEqual([host, command, options]);
    });
  }

  test("what it cannot be", () => {
    expect(readSshLine(["-n", "a", "b"]).hasInput).toBe(false);
    expect(readSshLine(["-s", "a", "sftp"]).isSubsystem).toBe(true);
    expect(() => readSshLine(["-p"])).toThrow("-p needs a value");
    expect(() => readSshLine(["web1"])).toThrow(
      "a COMMAND is missing; for a login: econtext exec -t HOST",
    );
    expect(() => readSshLine([])).toThrow("HOST");
  });
});

function missing(program: string): string | undefined {
  if (Bun.which(program) !== null) return missingSshd();
  return `no ${program} on this machine (Debian package ${program})`;
}

test("a command is one word or several, with ssh's options in front or without", () => {
  for (const words of [["echo a b"], ["echo", "a b"], ["-x", "local", "echo a b"]]) {
    const argv = words.includes("local") ? words : ["local", ...words];
    const { stdout, exitCode } = Bun.spawnSync([...ECONTEXT, "rsh", ...argv]);
    expect([stdout.toString(), exitCode]).toEqual(["a b\n", 0]);
  }
});

suite("the ssh of rsh", missingSshd(), "sshd", () => {
  test("ECONTEXT_SSH chooses it", async () => {
    await using server = await startSshd();
    const run = (ssh: string) => {
      const words = ["rsh", "-F", server.configPath, "-o", "ForwardX11=yes", server.host, "true"];
      const env = { ...process.env, ECONTEXT_SSH: ssh };
      const { stderr, exitCode } = Bun.spawnSync([...ECONTEXT, ...words], { env });
      return [stderr.toString(), exitCode];
    };
    expect(run("embedded")).toEqual([expect.stringContaining("ForwardX11 yes"), 255]);
    expect(run("ssh")).toEqual(["", 0]);
    expect(run("embeded")).toEqual([expect.stringContaining("mean ECONTEXT_SSH=embedded?"), 2]);
  });
});

for (const program of ["rsync", "git", "scp"] as const) {
  suite(`${program} over rsh`, missing(program), "sshd", () => {
    let server: SshServer;
    let dir: string;
    let shell: string;
    beforeAll(async () => {
      server = await startSshd();
      dir = mkdtempSync(join(tmpdir(), "econtext-rsh-"));
      shell = join(dir, "rsh");
      writeScript(shell, `exec ${ECONTEXT.join(" ")} rsh -F ${server.configPath} "$@"`);
      mkdirSync(join(dir, "from"));
      for (let i = 0; i < 20; i++) writeFileSync(join(dir, "from", `f${i}`), "x".repeat(i * 1000));
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    });
    const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
      const child = Bun.spawnSync([...argv], { cwd: dir, env: { ...process.env, ...env } });
      const said = child.stdout.toString() + child.stderr.toString();
      return { said, status: child.exitCode };
    };
    const same = (to: string) => {
      for (const name of readdirSync(join(dir, "from"))) {
        expect(readFileSync(join(to, name), "utf8")).toBe(
          readFileSync(join(dir, "from", name), "utf8"),
        );
      }
    };

    test("there and back, and nothing unusual is said", () => {
      const [from, to] = [join(dir, "from"), join(dir, "to")];
      if (program === "rsync") {
        const there = run(["rsync", "-e", shell, "-a", `${from}/`, `${server.host}:${to}/`]);
        expect(there).toEqual({ said: "", status: 0 });
        const back = run(["rsync", "-e", shell, "-a", `${server.host}:${to}/`, join(dir, "back")]);
        expect(back).toEqual({ said: "", status: 0 });
        same(join(dir, "back"));
      } else if (program === "git") {
        const git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", from];
        for (const words of [
          ["init", "-q"],
          ["add", "."],
          ["commit", "-qm", "one"],
        ]) {
          expect(run([...git, ...words])).toEqual({ said: "", status: 0 });
        }
        const env = { GIT_SSH_COMMAND: shell };
        const [, port] = /^\s*Port (\d+)/m.exec(readFileSync(server.configPath, "utf8")) ?? [];
        // An address with a port: git asks first whether that is a thing it can say.
        for (const [at, address] of [
          `${server.host}:${from}`,
          `ssh://${server.host}:${port}${from}`,
        ].entries()) {
          const clone = run(["git", "clone", "-q", address, `${to}${at}`], env);
          expect(clone).toEqual({ said: "", status: 0 });
        }
        rmSync(join(from, ".git"), { recursive: true, force: true });
        same(`${to}0`);
        same(`${to}1`);
        return;
      } else {
        for (const mode of [[], ["-O"]]) {
          const target = `${server.host}:${to}${mode.length}`;
          const there = run(["scp", ...mode, "-q", "-r", "-S", shell, from, target]);
          expect(there).toEqual({ said: "", status: 0 });
          same(`${to}${mode.length}`);
        }
        return;
      }
      same(to);
    });
  });
}
