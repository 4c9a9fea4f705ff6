/**
 * `--unpack` of Python packages: real files in memory for code that needs them, gone with the
 * context however it ends.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventually } from "../conformance/session.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { econtextIn } from "./econtext.ts";

const FILES: Readonly<Record<string, string>> = {
  "real/__init__.py": `import os
import subprocess
import sys
HERE = os.path.dirname(os.path.abspath(__file__))
def child():
    return subprocess.check_output([sys.executable, os.path.join(HERE, "script.py")]).decode().strip()
def where(): return [HERE, oct(os.stat(os.path.dirname(HERE)).st_mode & 0o777)[-3:]]
def children():
    try:
        return os.wait()
    except OSError as e:
        return os.strerror(e.errno)
def crash(path):
    with open(path, "w") as file:
        file.write(HERE)
    os.kill(os.getpid(), 9)
def change():
    for path in "new.txt", "sub/new.txt":
        open(os.path.join(HERE, path), "w").close()
    return HERE
`,
  "real/script.py": "print('the script')\n",
  "real/sub/data.txt": "data",
  "one.py":
    "import os\ndef read():\n    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'beside.txt')) as file: return file.read()\n",
  "beside.txt": "beside",
  ".secret": "hidden",
};

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-unpack-"));
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

for (const version of ["2.7", "3.8", "3.13"] as const) {
  const { python } = pythonOf(version);
  if (python === undefined || !existsSync("/dev/shm")) continue;
  const call = (name: string, ...rest: string[]) =>
    econtextIn(dir, "call", "--python", python.path, "local", name, ...rest);
  const gone = (folder: string) => eventually(() => !existsSync(dirname(folder)));

  test(`python ${version}: a child process runs a package's script`, async () => {
    const { stdout, stderr } = await call("real.child", "--unpack", "real");
    expect(stderr).toBe("");
    expect(stdout).toBe("the script\n");
  });

  test(`python ${version}: the folder is in memory, the user's own, and removed`, async () => {
    const { stdout } = await call("real.where", "--unpack", "real,one");
    const [folder, mode] = JSON.parse(stdout) as [string, string];
    expect(folder).toMatch(/^\/(?:dev\/shm|run\/.*)\/econtext-[0-9a-f]{16}\/real$/);
    expect(mode).toBe("700");
    expect(await gone(folder)).toBe(true);
    const { stdout: changed } = await call("real.change", "--unpack", "real");
    expect(await gone(changed.trim())).toBe(true);
  });

  test(`python ${version}: user code has no child that it did not start`, async () => {
    const { stdout } = await call("real.children", "--unpack", "real");
    expect(stdout).toBe("No child processes\n");
  });

  test(`python ${version}: also when the context is killed`, async () => {
    const note = join(dir, `note-${version}`);
    expect((await call("real.crash", note, "--unpack", "real")).status).not.toBe(0);
    const folder = readFileSync(note, "utf8");
    expect(folder).toStartWith("/");
    expect(await gone(folder)).toBe(true);
  });

  test(`python ${version}: elsewhere if it is said so`, async () => {
    const into = mkdtempSync(join(dir, "into-"));
    const { stdout } = await call("real.where", "--unpack", "real", "--unpack-into", into);
    expect(stdout).toStartWith(`["${into}/econtext-`);
    expect(await eventually(() => readdirSync(into).length === 0)).toBe(true);
  });

  test(`python ${version}: a module comes with what is beside it`, async () => {
    expect((await call("one.read")).stderr).toContain("--unpack NAME");
    expect((await call("one.read", "--unpack", "one")).stdout).toBe("beside\n");
  });
}

test("a name that is no package is refused, before anything is connected to", async () => {
  const call = (...names: string[]) =>
    econtextIn(dir, "call", "absent-host", "real.child", ...names.flatMap((n) => ["--unpack", n]));
  const { stderr, status } = await call("real,absent");
  expect(stderr).toContain("--unpack absent: no such package in .");
  expect(status).toBe(2);
  for (const name of ["@scope/leaf", "a/node_modules/b"]) {
    mkdirSync(join(dir, "node_modules", name), { recursive: true });
    writeFileSync(join(dir, "node_modules", name, "package.json"), "{}");
  }
  expect((await call("one", "@scope/leaf", "b")).status).toBe(255);
  const text = 'import { connect } from "econtext"; await connect("local", {unpack: ["x"]});';
  writeFileSync(join(dir, "program.ts"), text);
  const program = await econtextIn(dir, "program.ts");
  expect(program.stderr).toContain("--unpack x: no such package in ");
  expect(program.status).toBe(2);
  const option = await econtextIn(dir, "--unpack", "y", "program.ts");
  expect(option.stderr).toContain("--unpack y: no such package in ");
});

test("what contradicts itself is refused", async () => {
  const { stderr, status } = await econtextIn(
    dir,
    "call",
    "--unpack-into",
    "/x",
    "local",
    "len",
    "a",
  );
  expect(stderr).toContain("--unpack-into needs --unpack NAME");
  expect(status).toBe(2);
});
