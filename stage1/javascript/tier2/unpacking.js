/**
 * econtext.unpacking: places packages of the master's as real files in a folder that lives in
 * memory (`--unpack NAME`), under their own paths. For code that cannot do with packaged-fs.js: a
 * Worker, a child process, a native addon. The folder is this context's own, and is removed with
 * it, however that ends.
 *
 * Second tier, of importer.js. Twin: src/modules/javascript/unpack.ts.
 */
const { spawn } = require("child_process");
const { randomBytes } = require("crypto");
const fs = require("fs");
const { dirname, join } = require("path");
const { answer } = core.tier("package-files");
const { unpackInto } = core.tier("roots");

let root;
const placed = new Set(); // folders of the master's

/** Where the slave has a module of this package. Blocks until the package is unpacked. */
exports.pathOf = (module, folder) => {
  if (!placed.has(folder)) place(folder);
  return root + module;
};

const place = (folder) => {
  root ??= makeRoot();
  for (let done = 0; ; ) {
    const files = core.fetch([folder, done], answer);
    if (!files) throw new Error(`${folder} cannot be unpacked: it is too large, or not there`);
    if (files.length === 0) break;
    for (const file of files) write(...file);
    done += files.length;
  }
  placed.add(folder);
};

/** A package that two others depend on comes twice. */
const write = (path, mode, bytes) => {
  const own = root + path;
  if (fs.existsSync(own)) return;
  fs.mkdirSync(dirname(own), { recursive: true, mode: 0o700 });
  if (bytes) fs.writeFileSync(own, bytes, { mode });
  else fs.symlinkSync(root + mode, own);
};

const makeRoot = () => {
  const path = join(unpackInto || inMemory(), `econtext-${randomBytes(8).toString("hex")}`);
  keep(path);
  fs.mkdirSync(path, { mode: 0o700 });
  // What is loaded is known by its real path.
  return fs.realpathSync(path);
};

/** A folder of a file system that no disk is behind. */
const inMemory = () => {
  for (const path of [process.env.XDG_RUNTIME_DIR, "/dev/shm"])
    try {
      fs.accessSync(path, fs.constants.W_OK | fs.constants.X_OK);
      if (/^(?:tmpfs|ramfs)$/.test(fileSystem(fs.realpathSync(path)))) return path;
    } catch {}
  throw new Error(
    "no folder in memory here that can be written: neither $XDG_RUNTIME_DIR nor /dev/shm; --unpack-into DIR names another",
  );
};

/** Its type, as far as the system tells. */
const fileSystem = (path) => {
  let best = ["", ""];
  for (const line of fs.readFileSync("/proc/self/mounts", "utf8").split("\n")) {
    const [, point = "", kind] = line.split(" ");
    const isAbove = `${path}/`.startsWith(point.endsWith("/") ? point : `${point}/`);
    if (isAbove && point.length >= best[0].length) best = [point, kind];
  }
  return best[1];
};

/**
 * Have the folder removed when this process has ended, by a shell that reads a pipe which only we
 * can write to. In a session of its own: what ends the context's processes leaves it alone.
 */
const keep = (path) => {
  const script = 'trap "" HUP INT TERM; cat >/dev/null; exec rm -rf -- "$0"';
  const options = { cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] };
  const child = spawn("/bin/sh", ["-c", script, path], options);
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  child.stdin.unref?.();
  process.on("exit", () => fs.rmSync(path, { recursive: true, force: true }));
};
