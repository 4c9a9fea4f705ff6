/** `econtext.toml`: a transport of the user's own, based on `unshare`, works everywhere. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runEcontext } from "../helpers/run-econtext.ts";
import { suite } from "../helpers/skip.ts";
import { ECONTEXT, PYTHON } from "./econtext.ts";

/** A host name of its own shows that code runs in it. */
const CONFIGURATION = `
[transports.jail]
argv = ["unshare", "--user", "--map-root-user", "--uts", "sh", "-c",
        'hostname "$0" || exit 77; exec "$@"', "{name}", "{command}"]

[transports.jail.defaults]
name = "jail"

[[transports.jail.failures]]
status = 77
cause = "permission-denied"
hint = "give it a shorter name"

# Asks as sudo does, and takes one password.
[transports.lock]
argv = ["sh", "-c", """
if [ "$1" = --prompt ]; then
  printf %s "$2" >&2
  IFS= read -r given
  [ "$given" = secret ] || { echo "lock: no" >&2; exit 9; }
  shift 2
fi
shift; exec "$@"
""", "lock", ["--prompt", "{prompt}"], "--", "{command}"]
prompt = "nonce"

[[transports.lock.failures]]
text = "lock: no"
cause = "password-wrong"

[transports.silent]
argv = ["false", "{command}"]

[transports.setpriv]
argv = ["setpriv", "--reuid={destination}", ["--regid={gid}"], "--keep-groups", "{command}"]

[transports.late]
argv = ["sh", "-c", 'echo "late: cannot" >&2; exit 127', "{command}"]

[transports.up]
argv = ["sh", "-c", 'echo "up: a password is required" >&2; exit 1', ["{prompt}"], "{command}"]
prompt = "nonce"

[transports.through]
argv = ["env", "{command}"]

[transports.wrong]
argv = ["sudo", "-S", "-p", "{prompt}", "--", "{command}"]
prompt = "nonce"

[targets.cell]
path = "local/jail?name=cell"
python = ${JSON.stringify(PYTHON)}
`;

const PROGRAM = `import { hostname } from "node:os";
import { connect, run } from "econtext";
function where() { return hostname(); }
run(async () => {
  const jail = await connect("jail", { kind: "bun", bun: ${JSON.stringify(process.execPath)} });
  const inner = await jail.connect("jail?name=inner", { kind: "python" });
  console.log(await jail.call(where), await inner.call("platform.node"));
});
`;

function missing(): string | undefined {
  const trial = Bun.spawnSync(["unshare", "--user", "--map-root-user", "--uts", "hostname", "x"]);
  return trial.success ? undefined : "no user namespaces on this machine";
}

suite("a transport in econtext.toml", missing(), "unshare", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "econtext-toml-"));
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "econtext.toml"), CONFIGURATION);
    writeFileSync(join(folder, "program.ts"), PROGRAM);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]) => runEcontext(join(folder, "sub"), ...args);

  test("exec, on several targets, with a hop before and behind", async () => {
    const words = ["jail", "jail?name=a", "local/jail?name=b/local", "jail?name=c/jail?name=d"];
    const { stdout, stderr, status } = await run("exec", words.join(","), "--", "uname", "-n");
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const lines = stdout.trim().split("\n").sort();
    const names = ["jail", "a", "b", "d"];
    expect(lines).toEqual(words.map((word, at) => `${word}: ${names[at]}`).sort());
  });

  test("call, on a target whose settings name path and interpreter", async () => {
    expect(await run("call", "cell", "platform.node")).toEqual({
      stdout: "cell\n",
      stderr: "",
      status: 0,
    });
    const { stdout } = await run("bootstrap", "cell");
    expect(stdout).toContain("hop       local\n");
    expect(stdout).toContain('runs      ["unshare","--user","--map-root-user","--uts","sh","-c",');
    expect(stdout).toContain(`looks for ${PYTHON}\n`);
  });

  test("sh, cp and ping", async () => {
    writeFileSync(join(folder, "sub/script"), 'echo "$1 $(uname -n)"\n');
    const { stdout } = await run("sh", "jail", "--", "script", "on");
    expect(stdout).toBe("on jail\n");
    const copied = await run("cp", "script", `cell:${folder}/copy`);
    expect(copied).toMatchObject({ stderr: "", status: 0 });
    expect(readFileSync(join(folder, "copy"), "utf8")).toContain("uname");
    expect((await run("ping", "cell")).status).toBe(0);
  });

  test("a program, with another jail inside", async () => {
    const { stdout, status } = await run("../program.ts");
    expect({ stdout, status }).toEqual({ stdout: "jail inner\n", status: 0 });
  });

  test("its own exit status is explained", async () => {
    const { stderr, status } = await run("exec", `jail?name=${"x".repeat(99)}`, "--", "true");
    expect(stderr).toContain("x: permission denied\n");
    expect(stderr).toContain("give it a shorter name");
    expect(status).toBe(255);
  });

  test("a question of its own is answered, by the command of the configuration too", async () => {
    const asked = (...options: string[]) => run("exec", ...options, "lock", "--", "echo", "in");
    expect(await asked("--password-command", "echo secret")).toMatchObject({ stdout: "in\n" });
    const wrong = await asked("--password-command", "echo wrong");
    expect(wrong.stderr).toContain("wrong password");
    expect(wrong.status).toBe(255);
    const file = `password_command = "echo secret"\n${CONFIGURATION}`;
    writeFileSync(join(folder, "sub/econtext.toml"), file);
    const { stdout, stderr } = await asked();
    rmSync(join(folder, "sub/econtext.toml"));
    expect({ stdout, stderr }).toEqual({ stdout: "in\n", stderr: "" });
  });

  test.each([
    ["silent", "silent failed: it ended with status 1, and printed nothing"],
    ["setpriv:nobodyx", "it said: setpriv: failed to parse reuid"],
    ["local/late", "late failed\n  it said: late: cannot"],
    ["up", "try: if it wants a password, give one with --ask-pass; else run the argument vector"],
  ])("a failure that nothing explains is the transport's: %s", async (word, said) => {
    const { stderr, status } = await run("exec", word, "--", "true");
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/: \w+ failed/);
    expect(stderr).not.toMatch(/interpreter|usable/);
    expect(status).toBe(255);
  });

  test("an interpreter behind it that fails is still blamed", async () => {
    const bad = join(folder, "python");
    writeFileSync(bad, `#!/bin/sh\necho "$0: broken" >&2\nexit 3\n`, { mode: 0o755 });
    const { stderr } = await run("exec", "through", "--python", bad, "--", "true");
    expect(stderr).toContain(`${bad} is not a usable Python: it ended with status 3`);
    const missing = await run("exec", "through", "--python", `${bad}x`, "--", "true");
    expect(missing.stderr).toContain(`no interpreter found (tried ${bad}x)`);
  });

  test("a wrong transport fails only the commands that use it", async () => {
    expect(await run("exec", "local", "--", "echo", "on")).toMatchObject({
      stdout: "on\n",
      stderr: "",
      status: 0,
    });
    const { stderr, status } = await run("exec", "local/wrong", "--", "true");
    expect(stderr).toContain("econtext.toml: transports.wrong.argv: {prompt} may be missing");
    expect(stderr).toContain('["sudo", ["-S", "-p", "{prompt}"], "--", "{command}"]');
    expect(status).toBe(2);
  });

  test("a wrong file is an error of usage, that names file and key", async () => {
    writeFileSync(join(folder, "sub/econtext.toml"), "[transports.jail]\nargs = []\n");
    const { stderr, status } = await run("exec", "local/jail", "--", "true");
    rmSync(join(folder, "sub/econtext.toml"));
    expect(stderr).toContain(`${folder}/sub/econtext.toml: transports.jail.argv: needed`);
    expect(status).toBe(2);
  });
});

test("a home folder that is a device has no configuration", async () => {
  const env = { ...process.env, HOME: "/dev/null", XDG_CONFIG_HOME: "" };
  const argv = [...ECONTEXT, "exec", "--python", PYTHON, "local", "--", "echo", "on"];
  await using child = Bun.spawn(argv, { env, stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(said).toEqual(["on\n", "", 0]);
});
