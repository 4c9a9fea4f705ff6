/**
 * econtext.packaged-handles: descriptors, file handles and folders that stand for what lies on the
 * master. A descriptor of that kind is a number that no system gives out; a function of `fs` that
 * takes one compares it once.
 *
 * Second tier, of packaged-fs.js.
 */
const { Readable } = require("stream");
const { Buffer } = core;

const FIRST = 2 ** 30;
const open = new Map(); // descriptor: { path, bytes, at, stat }
let next = FIRST;

/** @param stat (isBig) => its Stats */
exports.open = (path, bytes, stat) => {
  open.set(next, { path, bytes, at: 0, stat });
  return next++;
};

const fileOf = (fd, syscall) => {
  const file = open.get(fd);
  if (file) return file;
  const message = `EBADF: bad file descriptor, ${syscall}`;
  throw Object.assign(new Error(message), { errno: -9, code: "EBADF", syscall });
};

/** As `fs.readSync` takes them: an offset and a length, or an object with these. */
const read = (fd, buffer, offset, length, position) => {
  if (typeof offset === "object" && offset !== null) ({ offset, length, position } = offset);
  const file = fileOf(fd, "read");
  const into = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const isPlaced = typeof position === "bigint" || (typeof position === "number" && position >= 0);
  const from = isPlaced ? Number(position) : file.at;
  const start = Number(offset ?? 0);
  const count = file.bytes.copy(into, start, from, from + (length ?? into.length - start));
  if (!isPlaced) file.at += count;
  return count;
};

const readv = (fd, buffers, position) => {
  let total = 0;
  for (const buffer of buffers) {
    const at = typeof position === "number" ? position + total : null;
    total += read(fd, buffer, 0, buffer.byteLength, at);
  }
  return total;
};

const rest = (fd, options) => {
  const file = fileOf(fd, "read");
  const bytes = file.bytes.subarray(file.at);
  file.at = file.bytes.length;
  const encoding = typeof options === "string" ? options : options?.encoding;
  return encoding ? bytes.toString(encoding) : Buffer.from(bytes);
};

const close = (fd) => {
  fileOf(fd, "close");
  open.delete(fd);
};

const stat = (fd, options) => fileOf(fd, "fstat").stat(options?.bigint);

/** What a callback of `fs` is given behind the error. */
const FUNCTIONS = { read, readv, fstat: stat, close, readFile: rest };

exports.wrap = (made, put, like) => {
  for (const [name, own] of Object.entries(FUNCTIONS)) {
    const sync = made[`${name}Sync`];
    put(
      made,
      `${name}Sync`,
      like(sync, function (fd, ...more) {
        return fd >= FIRST ? own(fd, ...more) : sync.call(this, fd, ...more);
      }),
    );
    const real = made[name];
    put(
      made,
      name,
      like(real, function (fd, ...more) {
        if (!(fd >= FIRST)) return real.call(this, fd, ...more);
        const callback = typeof more.at(-1) === "function" ? more.pop() : () => {};
        // `read(fd, options, callback)`, `read(fd, callback)`
        if (name === "read" && !ArrayBuffer.isView(more[0]))
          more.unshift(more[0]?.buffer ?? Buffer.alloc(16384));
        try {
          process.nextTick(callback, null, own(fd, ...more), more[0]);
        } catch (error) {
          process.nextTick(callback, error);
        }
      }),
    );
  }
};

/** What `fs.promises.open` gives. */
exports.object = (made, fd, path) => {
  const asked =
    (fn) =>
    async (...args) =>
      fn(fd, ...args);
  const handle = {
    fd,
    read: async (buffer, ...more) => {
      const into = ArrayBuffer.isView(buffer) ? buffer : (buffer?.buffer ?? Buffer.alloc(16384));
      const options = into === buffer ? more : [buffer];
      return { bytesRead: read(fd, into, ...options), buffer: into };
    },
    readv: async (buffers, position) => ({ bytesRead: readv(fd, buffers, position), buffers }),
    readFile: asked(rest),
    stat: asked(stat),
    sync: async () => {},
    datasync: async () => {},
    close: async () => {
      if (open.has(fd)) close(fd);
    },
    createReadStream: (options) => made.createReadStream(path, options),
    readLines: (options) =>
      require("readline").createInterface({
        input: handle.createReadStream(options),
        crlfDelay: Number.POSITIVE_INFINITY,
      }),
    readableWebStream: () => Readable.toWeb(handle.createReadStream()),
  };
  for (const name of ["write", "writeFile", "appendFile", "truncate", "chmod"])
    handle[name] = async () => {
      throw Object.assign(new Error(`EBADF: bad file descriptor, ${name}`), { code: "EBADF" });
    };
  if (Symbol.asyncDispose) handle[Symbol.asyncDispose] = handle.close;
  return handle;
};

/** What `fs.opendir` gives. */
exports.directory = (path, entries) => {
  const left = [...entries];
  const then = (value, callback) => {
    if (typeof callback !== "function") return Promise.resolve(value);
    process.nextTick(callback, null, value);
  };
  const folder = {
    path,
    readSync: () => left.shift() ?? null,
    read: (callback) => then(folder.readSync(), callback),
    closeSync() {},
    close: (callback) => then(undefined, callback),
    async *[Symbol.asyncIterator]() {
      while (left.length > 0) yield left.shift();
    },
  };
  if (Symbol.asyncDispose) folder[Symbol.asyncDispose] = () => folder.close();
  return folder;
};
