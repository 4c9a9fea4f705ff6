/**
 * econtext.launch: gives a command the limit of open files that this account has. Node.js and Bun
 * raise their own as far as they may, and what they start inherits that.
 *
 * Second tier: comes with econtext.commands. Twins: src/launch/open-files.ts, which does as much
 * for what the master starts. A Python raises its own if it is a hop: ../../python/switch/start.py.
 */
const {
  accessSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  statSync,
} = require("fs");
const { resolve } = require("path");
const { Buffer } = core;

/** [soft, hard] of a process, as `ulimit` writes them. */
const limits = (pid) =>
  /^Max open files +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")).slice(1);

/**
 * The soft limit before it was raised: the guard, a shell, is our parent and has it still.
 * Undefined where it cannot be told.
 */
const originalLimit = () => {
  try {
    const [own, guard] = [limits("self"), limits(process.ppid)];
    return own[1] === guard[1] && own[0] !== guard[0] ? guard[0] : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Whether the system itself can run this file. A shell would run what has no first line for it,
 * too.
 */
const isProgram = (file) => {
  accessSync(file, constants.X_OK);
  if (!statSync(file).isFile()) return false;
  let fd;
  try {
    fd = openSync(file);
  } catch {
    return true; // it may be run, and not be read
  }
  try {
    const start = Buffer.alloc(4);
    readSync(fd, start, 0, 4, 0);
    return /^(?:#!|\x7fELF)/.test(start.latin1Slice());
  } finally {
    closeSync(fd);
  }
};

/** Whether `name` can be run: for all else, the error is to be that of the runtime's own start. */
const isThere = (name, cwd, path = "/usr/bin:/bin") => {
  const folders = name.includes("/") ? [""] : path.split(":").map((folder) => `${folder || "."}/`);
  for (const folder of folders)
    try {
      return isProgram(resolve(cwd, folder + name));
    } catch {
      // Not here.
    }
  return false;
};

/** `argv`, or what runs it by way of a shell that sets the limit. */
exports.launch = (argv, cwd, env) => {
  const limit = originalLimit();
  if (limit === undefined || !isThere(argv[0], cwd ?? process.cwd(), env.PATH)) return argv;
  // A shell would add PWD.
  const unset = env.PWD === undefined ? "unset PWD;" : "";
  return ["/bin/sh", "-c", `ulimit -Sn ${limit};${unset}exec "$@"`, "sh", ...argv];
};
