/**
 * econtext.packaged-fs: the `fs` and `fs/promises` of forwarded modules. What lies beside them is
 * answered from the master; every other path is this machine's, and so is what was written here. A
 * context that shares the master's disk looks there first.
 *
 * Second tier. What is on the master: package-files.js. Each function is written once, as a
 * generator; its three faces (at once, with a callback, with a promise) are made of it. What it
 * cannot answer, because the master has no such file, is `ELSEWHERE`: the real function does it.
 */
const fs = require("fs");
const { basename, dirname, join, sep } = require("path");
const { promisify } = require("util");
const { Buffer } = core;
const files = core.tier("package-files");
const handles = core.tier("packaged-handles");
const { sharesDisk } = core.tier("roots");

const { entryOf, inside, namesOf, realOf, targetOf } = files;
const ELSEWHERE = Symbol();
/** Paths inside that were written here. */
const own = new Set();

const masters = (path) => {
  const plain = inside(path);
  return own.size && own.has(plain) ? undefined : plain;
};

// -- Errors ---------------------------------------------------------------------------------------
const ERRORS = {
  EISDIR: [21, "illegal operation on a directory"],
  ENOTDIR: [20, "not a directory"],
  EINVAL: [22, "invalid argument"],
  EROFS: [30, "read-only file system"],
};

const refusal = (code, syscall, path) => {
  const [number, text] = ERRORS[code];
  const at = path === undefined ? "" : ` '${path}'`;
  return Object.assign(new Error(`${code}: ${text}, ${syscall}${at}`), {
    errno: -number,
    code,
    syscall,
    path,
  });
};

/** A package may need what only real files can do. */
const hinted = (error, path) => {
  const plain = inside(path);
  if (plain && error?.code === "ENOENT" && !/--unpack/.test(error.message))
    error.message += ` (it is below a forwarded package, and not on this machine; --unpack ${files.packageOf(plain)} puts the package's files here)`;
  return error;
};

// -- Answers --------------------------------------------------------------------------------------
const FORMATS = { f: 0o100000, d: 0o040000, l: 0o120000 };
const TYPES = { f: 1, d: 2, l: 3 }; // of a Dirent

const statsOf = ({ type, size, mtime, mode }, isBig) => {
  const stats = Object.create(isBig ? BIG : fs.Stats.prototype);
  const number = isBig ? (value) => BigInt(Math.floor(value)) : (value) => value;
  const fields = { dev: 0, mode: FORMATS[type] | mode, nlink: 1, uid: 0, gid: 0, rdev: 0 };
  Object.assign(fields, { blksize: 4096, ino: 0, size, blocks: Math.ceil(size / 512) });
  for (const name in fields) stats[name] = number(fields[name]);
  for (const name of ["atime", "mtime", "ctime", "birthtime"]) {
    stats[`${name}Ms`] = number(mtime);
    if (isBig) stats[`${name}Ns`] = BigInt(Math.round(mtime * 1e3)) * 1000n;
    const value = new Date(mtime);
    Object.defineProperty(stats, name, { value, enumerable: true, writable: true });
  }
  return stats;
};
const BIG = Object.getPrototypeOf(fs.statSync("/", { bigint: true }));

const encoded = (bytes, options) => {
  const encoding = typeof options === "string" ? options : options?.encoding;
  return encoding && encoding !== "buffer" ? bytes.toString(encoding) : Buffer.from(bytes);
};

const named = (path, options) => {
  const encoding = typeof options === "string" ? options : options?.encoding;
  return encoded(Buffer.from(path), encoding ?? "utf8");
};

const isForReading = (flags = "r") =>
  typeof flags === "number" ? (flags & 3) === 0 : /^rs?$/.test(flags);

function* stat(path, options, find = targetOf) {
  const found = yield* find(path);
  return found ? statsOf(found, options?.bigint) : ELSEWHERE;
}

function* contentOf(path, syscall) {
  const found = yield* targetOf(path);
  if (!found) return ELSEWHERE;
  if (found.type === "d") throw refusal("EISDIR", syscall, path);
  return (yield* files.bytesOf(found.path)) ?? ELSEWHERE;
}

/** Of one folder, or of all below: `[folder, name, entry]`. */
function* walk(path, { recursive: isDeep, withFileTypes: isTyped } = {}) {
  const found = [];
  for (const folders = [path]; folders.length > 0; ) {
    const folder = folders.shift();
    for (const [name, { type }] of (yield* namesOf(folder)) ?? []) {
      found.push([folder, name, type]);
      const below = join(folder, name);
      const isFolder =
        type === "d" || (type === "l" && !isTyped && leadsDown(below, yield* realOf(below)));
      if (isDeep && isFolder) folders.push(below);
    }
  }
  return found;
}

/** Not in a circle. */
const leadsDown = (link, real) => real !== undefined && !`${link}/`.startsWith(`${real}/`);

function* readdir(path, options) {
  const entry = yield* targetOf(path);
  if (!entry) return ELSEWHERE;
  if (entry.type !== "d") throw refusal("ENOTDIR", "scandir", path);
  const found = yield* walk(path, Object(options));
  for (const written of own) {
    const folder = dirname(written);
    const name = basename(written);
    if (folder === path && fs.existsSync(written) && !found.some((one) => one[1] === name))
      found.push([folder, name, "f"]);
  }
  if (options?.withFileTypes)
    return found.map(([folder, name, type]) => new fs.Dirent(name, TYPES[type], folder));
  return found.map(([folder, name]) =>
    named(join(folder, name).slice(path.length + (path === sep ? 0 : 1)), options),
  );
}

/** Copy out of a package: it becomes a file of this machine. */
function* cp(path, to, options) {
  const target = yield* targetOf(path);
  if (!target) return ELSEWHERE;
  if (target.type !== "d") return yield* copyFile(path, to);
  if (!options?.recursive) throw refusal("EISDIR", "cp", path);
  fs.mkdirSync(to, { recursive: true });
  for (const [name] of yield* namesOf(path)) yield* cp(join(path, name), join(to, name), options);
}

function* copyFile(path, to, mode) {
  const bytes = yield* contentOf(path, "copyfile");
  if (bytes === ELSEWHERE) return ELSEWHERE;
  const { mode: permissions } = yield* targetOf(path);
  const flag = mode & fs.constants.COPYFILE_EXCL ? "wx" : "w";
  fs.writeFileSync(to, bytes, { flag, mode: permissions | 0o200 });
  wrote(to);
}

/** What can be asked of a path: `function* (path, …arguments)`. */
const QUESTIONS = {
  stat,
  lstat: (path, options) => stat(path, options, entryOf),
  *access(path, mode) {
    const found = yield* targetOf(path);
    if (!found) return ELSEWHERE;
    if (mode & fs.constants.W_OK) throw refusal("EROFS", "access", path);
  },
  *readFile(path, options) {
    if (!isForReading(options?.flag)) return ELSEWHERE;
    const bytes = yield* contentOf(path, "open");
    return bytes === ELSEWHERE ? ELSEWHERE : encoded(bytes, options);
  },
  readdir,
  *realpath(path, options) {
    const real = yield* realOf(path);
    return real === undefined ? ELSEWHERE : named(real, options);
  },
  *readlink(path, options) {
    const found = yield* entryOf(path);
    if (!found) return ELSEWHERE;
    if (found.type !== "l") throw refusal("EINVAL", "readlink", path);
    return named(found.target, options);
  },
  *open(path, flags) {
    if (!isForReading(flags)) return ELSEWHERE;
    const found = yield* targetOf(path);
    const bytes = found?.type === "f" ? yield* contentOf(path, "open") : ELSEWHERE;
    return bytes === ELSEWHERE
      ? ELSEWHERE
      : handles.open(path, bytes, (big) => statsOf(found, big));
  },
  *opendir(path) {
    const entries = yield* readdir(path, { withFileTypes: true });
    return entries === ELSEWHERE ? ELSEWHERE : handles.directory(path, entries);
  },
  copyFile,
  cp,
};

// -- Faces ----------------------------------------------------------------------------------------
/** The properties that a function of fs has: `promisify` looks at them. */
const like = (real, fn) => {
  Object.defineProperties(fn, Object.getOwnPropertyDescriptors(real));
  return fn;
};

/** Whether this machine has it, as a context that shares the master's disk asks first. */
const isMissing = (error) => error?.code === "ENOENT" || error?.code === "ENOTDIR";

const atOnce = (real, question) =>
  like(real, function (path, ...rest) {
    const plain = masters(path);
    if (plain === undefined) return real.call(this, path, ...rest);
    const here = () => {
      try {
        return real.call(this, path, ...rest);
      } catch (error) {
        throw hinted(error, path);
      }
    };
    if (!sharesDisk) {
      const answer = files.now(question(plain, ...rest));
      return answer === ELSEWHERE ? here() : answer;
    }
    try {
      const found = real.call(this, path, ...rest);
      if (found !== undefined || rest[0]?.throwIfNoEntry !== false) return found;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const answer = files.now(question(plain, ...rest));
    return answer === ELSEWHERE ? here() : answer;
  });

/** @param real gives a promise, as what is returned does */
const promised = (real, question) =>
  like(real, async function (path, ...rest) {
    const plain = masters(path);
    if (plain === undefined) return real.call(this, path, ...rest);
    let failure;
    if (sharesDisk)
      try {
        return await real.call(this, path, ...rest);
      } catch (error) {
        if (!isMissing(error)) throw error;
        failure = error;
      }
    const answer = await files.later(question(plain, ...rest));
    if (answer !== ELSEWHERE) return answer;
    if (failure) throw hinted(failure, path);
    return real.call(this, path, ...rest).catch((error) => {
      throw hinted(error, path);
    });
  });

const called = (real, question) => {
  // Its `promisify` symbols are for the callback's own face.
  const asPromise = promised(
    (...args) =>
      new Promise((done, fail) =>
        real(...args, (error, value) => (error ? fail(error) : done(value))),
      ),
    question,
  );
  return like(real, function (...args) {
    const [path, ...rest] = args;
    const callback = rest.pop();
    if (masters(path) === undefined || typeof callback !== "function")
      return real.apply(this, args);
    asPromise(path, ...rest).then(
      (value) => process.nextTick(callback, null, value),
      (error) => process.nextTick(callback, error),
    );
  });
};

// -- Writing: of this machine, and from then on so is what is read there --------------------------
const WRITERS = ["appendFile", "createWriteStream", "link", "mkdir", "open", "rename", "rm"];
WRITERS.push("rmdir", "symlink", "truncate", "unlink", "utimes", "writeFile", "chmod", "watch");

const wrote = (...paths) => {
  for (const path of paths) {
    const plain = inside(path);
    if (plain) own.add(plain);
  }
};

const writes = (name) => !/^(?:mkdir|watch)/.test(name);

const writer = (name, real) =>
  like(real, function (...args) {
    const [path, other] = args;
    const at = [path, other].filter((one) => inside(one) !== undefined);
    if (at.length === 0) return real.apply(this, args);
    const done = (value) => {
      if (writes(name)) wrote(...at);
      return value;
    };
    const failed = (error) => {
      throw hinted(error, at[0]);
    };
    const callback = args.at(-1);
    if (typeof callback === "function" && !/Sync$|^watch/.test(name))
      args[args.length - 1] = (error, ...values) => {
        if (error) hinted(error, at[0]);
        else done();
        callback(error, ...values);
      };
    try {
      const value = real.apply(this, args);
      if (typeof value?.then === "function") return value.then(done, failed);
      return /Sync$|Stream$/.test(name) ? done(value) : value;
    } catch (error) {
      failed(error);
    }
  });

// == The module ===================================================================================
const made = Object.create(Object.getPrototypeOf(fs), Object.getOwnPropertyDescriptors(fs));
const promises = Object.create(
  Object.getPrototypeOf(fs.promises),
  Object.getOwnPropertyDescriptors(fs.promises),
);
const put = (target, name, value) =>
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });

for (const name of WRITERS) {
  for (const one of [name, `${name}Sync`]) if (fs[one]) put(made, one, writer(one, fs[one]));
  if (fs.promises[name]) put(promises, name, writer(name, fs.promises[name]));
}
for (const [name, question] of Object.entries(QUESTIONS)) {
  // What opens for writing was wrapped before.
  if (fs[`${name}Sync`]) put(made, `${name}Sync`, atOnce(made[`${name}Sync`], question));
  if (fs[name]) put(made, name, called(made[name], question));
  if (fs.promises[name])
    put(
      promises,
      name,
      promised(promises[name].bind(promises), name === "open" ? opened : question),
    );
}
for (const name of ["realpath", "realpathSync"]) {
  const { native } = fs[name];
  const face = name === "realpath" ? called : atOnce;
  if (native) put(made[name], "native", face(native, QUESTIONS.realpath));
}

/** `open` of promises gives an object. */
function* opened(path, flags) {
  const fd = yield* QUESTIONS.open(path, flags);
  return fd === ELSEWHERE ? ELSEWHERE : handles.object(made, fd, path);
}

put(made, "promises", promises);
put(
  made,
  "existsSync",
  like(fs.existsSync, (path) => {
    if (masters(path) === undefined) return fs.existsSync(path);
    try {
      made.accessSync(path);
      return true;
    } catch {
      return false;
    }
  }),
);
const exists = (path, callback) => {
  if (masters(path) === undefined || typeof callback !== "function")
    return fs.exists(path, callback);
  made.access(path, (error) => callback(!error));
};
put(made, "exists", exists);
Object.defineProperty(exists, promisify.custom, {
  value: (path) => new Promise((done) => exists(path, done)),
});

handles.wrap(made, put, like);

/** A stream of a file that may be the master's reads by our own means. */
function ReadStream(path, options) {
  const isOurs = masters(path) !== undefined && options?.fd === undefined;
  const given = typeof options === "string" ? { encoding: options } : options;
  const all = isOurs ? { fs: made, ...given } : options;
  return Reflect.construct(fs.ReadStream, [path, all], new.target ?? ReadStream);
}
ReadStream.prototype = Object.create(fs.ReadStream.prototype, {
  constructor: { value: ReadStream, writable: true, configurable: true },
});
Object.setPrototypeOf(ReadStream, fs.ReadStream);
for (const name of ["ReadStream", "FileReadStream"]) put(made, name, ReadStream);
put(made, "createReadStream", (path, options) => new ReadStream(path, options));

exports.fs = made;
exports.promises = promises;
exports.hinted = hinted;
