/**
 * What a command inherits is what the account has: its limit of open files, and no variable of an
 * interpreter's own.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { pythons } from "../helpers/pythons.ts";
import { sample } from "../helpers/sample.ts";
import { writeScript } from "../helpers/scripts.ts";
import { ECONTEXT, PYTHON } from "./econtext.ts";

const folder = mkdtempSync(join(tmpdir(), "econtext-environment-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * An ssh whose far side is this machine, with a limit of 200 and an environment in the C locale.
 */
const ssh = writeScript(
  join(folder, "ssh"),
  'ulimit -Sn 200; for last; do :; done; exec env -i LANG=C PATH="$PATH" /bin/sh -c "$last"',
);

const KINDS: readonly (readonly [title: string, options: readonly string[]])[] = [
  ...sample(pythons()).map(({ label, path }) => [label, ["--python", path]] as const),
  ...sample(nodeVersions()).map((version) => {
    return [`node ${version}`, ["--node", nodeOf(version).path]] as const;
  }),
  ["bun", ["--bun", bun().path]],
];

/** In a shell that has a limit of its own. */
async function run(args: readonly string[], limit = ""): Promise<string> {
  // The command must not become the shell's own process: it is the parent whose limit counts.
  const script = `${limit}"$@"; exit $?`;
  const argv = ["/bin/sh", "-c", script, "sh", ...ECONTEXT, ...args];
  await using child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([stderr, await child.exited]).toEqual(["", 0]);
  return stdout;
}

describe.each(KINDS)("%s", (_title, options) => {
  const exec = ["exec", ...options];
  const far = [...exec, "--ssh", ssh, "host", "--"];

  test("the limit of open files is the account's", async () => {
    expect(await run([...far, "sh", "-c", "ulimit -Sn"])).toBe("200\n");
    const script = join(folder, "script");
    writeFileSync(script, "ulimit -Sn; ulimit -Hn");
    const [soft, hard] = (await run(["sh", ...options, "--ssh", ssh, "host", script])).split("\n");
    expect(soft).toBe("200");
    expect(hard).toBe(Bun.spawnSync(["sh", "-c", "ulimit -Hn"]).stdout.toString().trim());
  });

  test("the limit of open files is that of who runs econtext here", async () => {
    const command = [...exec, "local", "--", "sh", "-c", "ulimit -Sn"];
    expect(await run(command, "ulimit -Sn 201; ")).toBe("201\n");
  });

  test("no variable is added", async () => {
    // Shells on the way, the command's own among them, have these.
    const shells = /^(?:PWD|OLDPWD|SHLVL|_)=/;
    const lines = (await run([...far, "env"])).split("\n").filter((line) => !shells.test(line));
    expect(lines.sort()).toEqual(["", "LANG=C", `PATH=${process.env["PATH"]}`]);
  });

  test("a variable that is given is kept, whatever it is", async () => {
    const [name, value] = ["LC_CTYPE", "C.UTF-8"];
    const told = await run([...far.slice(0, -1), "--env", `${name}=${value}`, "--", "env"]);
    expect(told.split("\n")).toContain(`${name}=${value}`);
  });
});

test("a limit is no obstacle to what cannot be run", async () => {
  const node = nodeVersions().at(-1);
  if (node === undefined) return;
  const far = ["exec", "--node", nodeOf(node).path, "--ssh", ssh, "host", "--"];
  for (const [command, problem] of [
    ["absent-command", "No such file or directory"],
    ["/etc/passwd", "Permission denied"],
  ] as const) {
    const child = Bun.spawn([...ECONTEXT, ...far, command], { stdin: "ignore", stderr: "pipe" });
    expect(await child.stderr.text()).toBe(`host: ${command}: ${problem}\n`);
  }
});

test("a variable that keeps Python from starting is named", async () => {
  const wrong = { PYTHONHOME: "/absent", PYTHONHASHSEED: "odd", PYTHONIOENCODING: "odd" };
  for (const [name, value] of Object.entries(wrong)) {
    const env = { ...process.env, [name]: value };
    const argv = [...ECONTEXT, "exec", "--python", PYTHON, "local", "--", "true"];
    await using child = Bun.spawn(argv, { env, stdin: "ignore", stderr: "pipe" });
    expect(await child.stderr.text()).toMatch(new RegExp(`try: take ${name} `));
    expect(await child.exited).toBe(255);
  }
});
