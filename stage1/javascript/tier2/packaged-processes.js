/**
 * econtext.packaged-processes: the `worker_threads` and `child_process` of forwarded modules. A
 * Worker and a child process need real files: where theirs is the master's alone, the error says
 * what to do.
 *
 * Second tier, of importer.js.
 */
const fs = require("fs");
const { basename } = require("path");
const files = core.tier("package-files");

const RUNTIMES = /^(?:node|nodejs|bun)$/;

/** @throws where it is a file of the master's, and not here */
const check = (path) => {
  const plain = files.inside(path);
  if (plain === undefined || fs.existsSync(plain)) return;
  if (files.now(files.entryOf(plain)) === undefined) return;
  const message = `ENOENT: ${plain} is not sent as a file, which a Worker or a child process needs; --unpack ${files.packageOf(plain)} puts the package's files here`;
  throw Object.assign(new Error(message), { errno: -2, code: "ENOENT", path: plain });
};

/** What a command line would read first: itself, or the script of an interpreter. */
const checkCommand = (command, args) => {
  check(command);
  if (!Array.isArray(args) || typeof command !== "string") return;
  const isRuntime = command === process.execPath || RUNTIMES.test(basename(command));
  const script = isRuntime && args.find((one) => !/^-/.test(one));
  if (script) check(script);
};

const proxied = (target, own) =>
  new Proxy(target, {
    get: (from, key) => (Object.hasOwn(own, key) ? own[key] : from[key]),
    set: (from, key, value) => {
      (Object.hasOwn(own, key) ? own : from)[key] = value;
      return true;
    },
  });

const threads = require("worker_threads");
class Worker extends threads.Worker {
  constructor(path, options) {
    if (!options?.eval) check(path);
    super(path, options);
  }
}
exports.threads = proxied(threads, { Worker });

const processes = require("child_process");
const own = {};
for (const name of ["spawn", "spawnSync", "execFile", "execFileSync"])
  own[name] = Object.defineProperties((command, args, ...rest) => {
    checkCommand(command, args);
    return processes[name](command, args, ...rest);
  }, Object.getOwnPropertyDescriptors(processes[name]));
own.fork = (module, ...rest) => {
  check(module);
  return processes.fork(module, ...rest);
};
exports.processes = proxied(processes, own);
