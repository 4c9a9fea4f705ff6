/**
 * Everything through `bastion/web1/sudo:root/podman:app`: ssh, ssh from there, another user, and a
 * container of that user's.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT, start } from "../cli/econtext.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS, soon } from "../helpers/soon.ts";
import { Lab, missingLab } from "../lab/lab.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";

setDefaultTimeout(120_000);

const PATH = "bastion/web1/sudo:root/podman:app";
const PROGRAM = join(import.meta.dir, "../fixtures/tree/through.ts");
const MIB = 1 << 20;

suite("a path of four hops", missingLab(), "lab", () => {
  let lab: Lab;
  let dir = "";
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "econtext-tree-"));
    lab = await Lab.open({ machines: ["web1"] });
  });
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });
  // Of each command nothing is left, on no host and in no container.
  afterEach(async () => {
    await lab.emptied(SOON_MS);
  });

  async function econtext(...args: string[]) {
    await using child = start(args, { ECONTEXT_SSH_CONFIG: lab.configPath, NO_COLOR: "1" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { stdout, stderr, status: await child.exited };
  }

  test("a program: a function, a generator and a channel", async () => {
    const { stdout, stderr, status } = await econtext(PROGRAM, PATH);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ user: 0, debian: "13", bun: true }, (2000 * 1999) / 2, [500, 500_000]]);
  });

  test("each hop on the way is its own user, on its own machine", async () => {
    const script = "hostname; id -un";
    for (const [path, said] of [
      ["bastion", "bastion\nada\n"],
      ["bastion/web1", "web1\nada\n"],
      ["bastion/web1/sudo:root", "web1\nroot\n"],
    ] as const) {
      expect(await econtext("exec", path, "--", "sh", "-c", script)).toEqual({
        stdout: said,
        stderr: "",
        status: 0,
      });
    }
  });

  test("exec: a hundred MiB each way", async () => {
    const size = 100 * MIB;
    const [input, output] = [join(dir, "input"), join(dir, "output")];
    const data = Buffer.alloc(size);
    for (let at = 0; at < size; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
    writeFileSync(input, data);
    await using child = Bun.spawn([...ECONTEXT, "exec", PATH, "--", "cat"], {
      env: { ...process.env, ECONTEXT_SSH_CONFIG: lab.configPath },
      stdin: Bun.file(input),
      stdout: Bun.file(output),
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toBe("");
    expect(await child.exited).toBe(0);
    expect(Buffer.compare(readFileSync(output), data)).toBe(0);
  });

  test("exec: the status and both outputs of a command", async () => {
    const script = "echo out; echo err >&2; exit 7";
    expect(await econtext("exec", PATH, "--", "sh", "-c", script)).toEqual({
      stdout: "out\n",
      stderr: "err\n",
      status: 7,
    });
  });

  test("cp -r: there, back, and between two ends of the tree", async () => {
    const tree = join(dir, "tree");
    mkdirSync(join(tree, "sub/empty"), { recursive: true });
    writeFileSync(join(tree, "sub/file"), "file\n");
    writeFileSync(join(tree, "large"), Buffer.alloc(3 * MIB, "large"));
    symlinkSync("sub/file", join(tree, "link"));
    const QUIET = { stdout: "", stderr: "", status: 0 };
    expect(await econtext("cp", "-r", tree, `${PATH}:/srv/there`)).toEqual(QUIET);
    expect(await econtext("cp", "-r", `${PATH}:/srv/there`, "bastion:/tmp/again")).toEqual(QUIET);
    expect(await econtext("cp", "-r", "bastion:/tmp/again", join(dir, "back"))).toEqual(QUIET);
    expect(await run(["diff", "-r", tree, join(dir, "back")])).toBe("");
    await econtext("exec", PATH, "--", "rm", "-r", "/srv/there");
  });

  test("one connection to the bastion, and one onward, serve two ends", async () => {
    const far = ["bastion/web1/sudo:root", PATH];
    await using child = start(["exec", ...far, "--", "sh", "-c", "echo up; sleep 1000"], {
      ECONTEXT_SSH_CONFIG: lab.configPath,
    });
    let said = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      said += decoder.decode(chunk);
      if (said.match(/up\n/g)?.length === 2) break;
    }
    for (const name of ["bastion", "web1"] as const) {
      const sessions = () =>
        lab
          .host(name)
          .strays()
          .filter((one) => /^sshd: ada@/.test(one.command));
      // Those of earlier tests may still be ending.
      await soon(() => sessions().length === 1);
    }
    child.kill("SIGTERM");
    await child.exited;
  });

  test("ping prints a line for each hop", async () => {
    const { stdout, status } = await econtext("ping", PATH);
    expect(status).toBe(0);
    for (const hop of ["bastion", "bastion/web1", "bastion/web1/sudo:root", PATH]) {
      expect(stdout).toMatch(new RegExp(`^${hop}[: ].* ms`, "m"));
    }
  });

  test.each([
    ["nowhere.invalid/web1", /nowhere\.invalid: /],
    ["bastion/nowhere/web1", /bastion: nowhere: /],
    ["bastion/web1/sudo:absent/local", /bastion\/web1: sudo:absent: /],
    ["bastion/web1/sudo:root/podman:absent", /bastion\/web1\/sudo:root: podman:absent: /],
  ])("an error names the hop: %s", async (path, said) => {
    const { stderr, status } = await econtext("exec", path, "--", "true");
    expect(stderr).toMatch(said);
    expect(status).toBe(255);
  });

  suite("a terminal", missingTmux, "tmux", () => {
    test("exec -t", async () => {
      await using terminal = new Tmux();
      const argv = [...ECONTEXT, "exec", "-t", "--kind", "bun", "-F", lab.configPath, PATH].join(
        " ",
      );
      await terminal.open(
        `exec sh -c '${argv} -- sh -c "tty; id -un; read x; echo got \\$x"; exec cat'`,
      );
      await terminal.until(/\/dev\/pts\/\d+\nroot/);
      await terminal.line("typed");
      await terminal.until(/got typed/);
    });
  });
});

async function run(argv: readonly string[]): Promise<string> {
  await using child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return `${await child.stdout.text()}${await child.stderr.text()}`;
}
