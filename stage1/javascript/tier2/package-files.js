/**
 * econtext.package-files: what lies beside forwarded modules, on the master's disk. Answers from
 * what was fetched before: one question for each folder, one for each file.
 *
 * Second tier, for packaged-fs.js, which is what modules see. What needs the master is a generator
 * that yields questions: `now` has them answered while the main thread waits, `later` without
 * waiting. Spec: docs/protocol.md, "Files of packages". Twin: src/modules/package-files.ts.
 */
const { basename, dirname, join, resolve } = require("path");
const { fileURLToPath } = require("url");
const { Buffer } = core;
const { folders } = core.tier("roots");

const DEAD = 4;
const DEFLATE = 16;
/** Bytes of files that are kept for later reads. */
const MAX_KEPT = 64 << 20;

// Folder: { real, stat, entries }; null: the master does not show it; undefined: there is no such
// folder.
const listings = new Map();
const contents = new Map(); // file: its bytes
let kept = 0;

const answer = (exports.answer = (flags, body) => {
  const bytes = flags & DEFLATE ? require("zlib").inflateSync(body) : body;
  if (flags & DEAD) throw new Error(JSON.parse(bytes));
  return core.tier("values").decodeValue(bytes);
});

exports.now = (steps) => {
  let step = steps.next();
  while (!step.done) step = steps.next(core.fetch(step.value, answer));
  return step.value;
};

exports.later = async (steps) => {
  let step = steps.next();
  while (!step.done) step = steps.next(await core.tier("bundles").fetchAsync(step.value, answer));
  return step.value;
};

const isBelow = (path) =>
  folders.some((folder) => path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`));

/**
 * The absolute path that is meant, if it lies in a folder whose modules are forwarded. All others
 * are this machine's own.
 */
exports.inside = (path) => {
  if (typeof path !== "string") {
    if (path instanceof URL && path.protocol === "file:") path = fileURLToPath(path);
    else if (path instanceof Uint8Array) path = String(Buffer.from(path));
    else return undefined;
  }
  for (const folder of folders)
    if (path.startsWith(folder)) {
      const plain = resolve(path);
      return isBelow(plain) ? plain : undefined;
    }
};

function* listingOf(folder) {
  if (listings.has(folder)) return listings.get(folder);
  if (!isBelow(folder)) return null;
  // What is known of the folder above may spare the question.
  const above = listings.get(dirname(folder));
  const known = above?.entries.get(basename(folder));
  if (above && !/^[dl]/.test(known?.type)) return undefined;
  const found = yield [folder, "folder"];
  const listing = found === false ? undefined : found && listed(found);
  listings.set(folder, listing);
  return listing;
}

const listed = ([real, stat, names]) => ({
  real,
  stat: entry(stat),
  entries: new Map(names.map(([name, ...rest]) => [name, entry(rest)])),
});

/**
 * `type`: f, d, or l, a link to `target`, which is empty where it leads out of what may be seen.
 */
const entry = ([type, size, mtime, mode, target]) => ({ type, size, mtime, mode, target });

/** What the master has at a path, links not followed. */
exports.entryOf = function* (path) {
  const above = yield* listingOf(dirname(path));
  if (above) return above.entries.get(basename(path));
  if (above === undefined) return undefined;
  return (yield* listingOf(path))?.stat;
};

/** The same, behind links. */
exports.targetOf = function* (path) {
  for (let tries = 9; tries--; ) {
    const found = yield* exports.entryOf(path);
    if (found?.type !== "l") return found && { ...found, path };
    if (found.target === "") return undefined;
    path = found.target;
  }
};

exports.realOf = function* (path) {
  const target = yield* exports.targetOf(path);
  if (target === undefined) return undefined;
  const above = yield* listingOf(dirname(target.path));
  return above ? join(above.real, basename(target.path)) : (yield* listingOf(target.path))?.real;
};

/** `[name, entry]` of each entry of a folder; undefined where there is no such folder. */
exports.namesOf = function* (path) {
  const target = yield* exports.targetOf(path);
  if (target?.type !== "d") return undefined;
  return [...((yield* listingOf(target.path))?.entries ?? [])];
};

/** The bytes of a file. They are shared: a caller that hands them to user code makes a copy. */
exports.bytesOf = function* (path) {
  const have = contents.get(path);
  if (have) return have;
  const bytes = yield [path, "file"];
  if (bytes === null) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (kept + buffer.length <= MAX_KEPT) {
    kept += buffer.length;
    contents.set(path, buffer);
  }
  return buffer;
};

/** The name that `--unpack` takes for the package of a path. */
exports.packageOf = (path) =>
  /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? basename(dirname(path));
