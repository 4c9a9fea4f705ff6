/** Second program: what comes from a child. It is checked, and passed on to the master. */
/** Pass bytes on to the master. They are written when this returns, and may be used again. */
const passOn = (bytes) => {
  if (!bytes.length) return;
  acquire();
  write(bytes);
};

const MAX_PARTS = 256;
const joined = (parts) => (parts.length > 1 ? Buffer.concat(parts) : parts[0]);

/** The same for a frame in parts: no other bytes come between them. */
const passOnParts = (parts) => {
  acquire();
  let done = 0;
  try {
    done = writevSync(4, parts);
  } catch {
    // `write` waits, or ends this process.
  }
  for (const part of parts) {
    if (done < part.length) write(part.subarray(done));
    done = Math.max(0, done - part.length);
  }
};

const resting = [];
/** Read no more of this stream until all others have had their turn. */
const rest = (stream) => {
  stream.pause();
  if (resting.push(stream) > 1) return;
  setImmediate(() => {
    for (const one of resting.splice(0)) one.resume();
  });
};

/** @returns the bytes of the frame that begins there; Infinity while its header is not whole */
const sizeOf = (bytes, at) =>
  bytes.length - at < HEADER ? Infinity : HEADER + bytes.readUIntBE(at + 21, 3);

/** @returns why the sender of this header is to be closed; undefined if it is not */
const breachOf = (bytes, at) => {
  const [flags, length] = [bytes[at + 20], bytes.readUIntBE(at + 21, 3)];
  if (length > MAX_FRAME) return `a frame of ${length} bytes`;
  return flags > KNOWN_FLAGS ? `a frame with the flags ${flags}` : undefined;
};

/** @returns why this frame may not come from the child; undefined if it may */
const faultOf = (bytes, at, child) => {
  const [dst, src, auth] = [0, 4, 8].map((i) => bytes.readUInt32BE(at + i));
  if (dst) return `a frame for context ${dst}`;
  if (src !== auth || routes.get(src) !== child) return `a frame on the authority of ${auth}`;
  return bytes[at + 20] & DEFLATE ? "a compressed frame" : undefined;
};

/** Frames that come from a child. They are passed on as far as they may come from there. */
class Upstream {
  #child;
  #header = Buffer.alloc(HEADER); // of a frame that has begun
  #parts = []; // of that frame, where they came: to copy them would take as long as to write them
  #got = 0; // bytes of that frame
  #size = HEADER; // of that frame; of its header until that is whole
  #second = 0; // the faults of this second are counted
  #faults = 0;

  constructor(child) {
    this.#child = child;
  }

  push(chunk) {
    let at = this.#finish(chunk);
    // Frames that are whole are passed on where they lie, many at once.
    let begin = at;
    while (at < chunk.length) {
      const end = at + sizeOf(chunk, at);
      const breach = end < Infinity && breachOf(chunk, at);
      const isWhole = !breach && end <= chunk.length;
      if (isWhole && !faultOf(chunk, at, this.#child) && !relayOf(chunk, at)) {
        at = end;
        continue;
      }
      passOn(chunk.subarray(begin, at));
      if (breach) return this.#child.abandon(chunk.readUInt32BE(at + 4), breach);
      if (!isWhole) {
        this.#add(chunk.subarray(at));
        return;
      }
      this.#take([Buffer.from(chunk.subarray(at, end))]);
      begin = at = end;
    }
    passOn(chunk.subarray(begin, at));
  }

  /** Take a frame that stands alone, with its memory: its parts, the first with the header. */
  #take(parts) {
    const [head] = parts;
    const lane = relayOf(head, 0);
    const fault = faultOf(head, 0, this.#child) ?? lane?.push(joined(parts));
    if (fault) this.#tell(head, fault);
    else if (!lane) passOnParts(parts);
  }

  /** Finish the frame that has begun. @returns where the chunk's other frames begin */
  #finish(chunk) {
    let at = 0;
    while (this.#got && at < chunk.length) {
      const breach = this.#add(chunk.subarray(at, (at += this.#size - this.#got)));
      if (!breach) continue;
      this.#child.abandon(this.#header.readUInt32BE(4), breach);
      return chunk.length;
    }
    return Math.min(at, chunk.length);
  }

  /** Add bytes to the frame, at most those that it lacks. @returns why it must not come */
  #add(bytes) {
    const rest = this.#got < HEADER ? this.#addHeader(bytes) : bytes;
    if (rest.length) this.#parts.push(rest);
    this.#got += rest.length;
    if (this.#got < HEADER) return undefined;
    const breach = breachOf(this.#header, 0);
    if (breach) return breach;
    this.#size = sizeOf(this.#header, 0);
    // Many small parts take more memory than their bytes.
    if (this.#parts.length > MAX_PARTS) this.#parts = [Buffer.concat(this.#parts)];
    if (this.#got < this.#size) return undefined;
    const parts = [this.#header, ...this.#parts];
    [this.#header, this.#parts] = [Buffer.alloc(HEADER), []];
    [this.#got, this.#size] = [0, HEADER];
    return this.#take(parts);
  }

  /** @returns the bytes that are not the header's */
  #addHeader(bytes) {
    const part = bytes.subarray(0, HEADER - this.#got);
    this.#header.set(part, this.#got);
    this.#got += part.length;
    return bytes.subarray(part.length);
  }

  /** Tell of a frame that does not pass. */
  #tell(frame, fault) {
    const now = Math.trunc(Date.now() / 1000);
    if (now !== this.#second) this.#faults = 0;
    this.#second = now;
    if (this.#faults++ < MAX_FAULTS) this.#child.tell("fault", frame.readUInt32BE(4), fault);
  }
}
