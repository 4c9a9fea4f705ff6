/**
 * econtext.bundles: the records of the user's modules, and questions to the master for them.
 *
 * Second tier, of specifiers.js. A bundle holds the sources of modules as bytes beside the JSON of
 * their records: a string is made of bytes ten times faster than of JSON.
 * Spec: docs/protocol.md, "Bundles". Twin: src/modules/javascript/records.ts.
 */
const { isAscii } = require("node:buffer");
const { Buffer } = core;

const DEAD = 4;
const DEFLATE = 16;
/** The inflated bytes of a large bundle are this many times as long, or fewer. */
const RATIO = 8;

const records = new Map(); // name: its record

// Node.js inflates faster into one large piece of memory than into many small ones.
const inflate = (bytes) => {
  if (!process.versions.bun)
    return require("node:zlib").inflateSync(bytes, { chunkSize: bytes.length * RATIO + 64 });
  const { buffer, byteOffset, length } = Bun.inflateSync(bytes.subarray(2));
  return Buffer.from(buffer, byteOffset, length);
};

/** Node.js below 18.15 has no `isAscii`. Most sources are ASCII, for which `latin1` is faster. */
const textOf = (bytes) => (isAscii?.(bytes) ? bytes.latin1Slice() : bytes.utf8Slice());

/** Keep the records of a bundle. @returns the first */
const keep = (flags, body) => {
  const bytes = flags & DEFLATE ? inflate(body) : body;
  if (flags & DEAD) throw new Error(JSON.parse(bytes));
  let at = bytes.indexOf("\n");
  const list = JSON.parse(bytes.utf8Slice(0, at++));
  for (const record of list) {
    if (record.length > 1) record[4] = textOf(bytes.subarray(at, (at += record[4])));
    records.set(record[0], record);
  }
  return list[0];
};

/** Get the record of a name, if it is here. */
const recordOf = (name) => {
  if (!records.has(name)) for (const bundle of core.bundles.splice(0)) keep(...bundle);
  return records.get(name);
};

/** Ask for a record, and block this thread until the answer is there. */
const fetchRecord = (request) => core.fetch(request, keep);

/** As `fetchRecord`, without blocking. @param take makes of the answer what it resolves to */
const fetchAsync = (request, take = keep) =>
  new Promise((done) => core.ask(request, done)).then((answer) => take(...answer));

Object.assign(exports, { fetchRecord, fetchAsync, recordOf });
