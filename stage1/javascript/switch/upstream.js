/** Pass bytes on to the master. They are written when this returns, and may be used again. */
const passOn = (bytes) => {
  if (!bytes.length) return;
  acquire();
  write(bytes);
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
  #frame = Buffer.alloc(HEADER); // a frame that has begun; its header alone, until that is whole
  #got = 0; // bytes of that frame
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
      if (!isWhole) return this.#begin(chunk.subarray(at), end - at);
      this.#take(Buffer.from(chunk.subarray(at, end)));
      begin = at = end;
    }
    passOn(chunk.subarray(begin, at));
  }

  /** Take a frame that stands alone, with its memory. */
  #take(frame) {
    const lane = relayOf(frame, 0);
    const fault = faultOf(frame, 0, this.#child) ?? lane?.push(frame);
    if (fault) this.#tell(frame, fault);
    else if (!lane) passOn(frame);
  }

  /** Finish the frame that has begun. @returns where the chunk's other frames begin */
  #finish(chunk) {
    let at = 0;
    while (this.#got) {
      const part = chunk.subarray(at, at + this.#frame.length - this.#got);
      this.#frame.set(part, this.#got);
      this.#got += part.length;
      at += part.length;
      if (this.#got < this.#frame.length) break;
      const breach = this.#got === HEADER && breachOf(this.#frame, 0);
      if (breach) {
        this.#child.abandon(this.#frame.readUInt32BE(4), breach);
        return chunk.length;
      }
      const size = sizeOf(this.#frame, 0);
      if (size > this.#got) this.#grow(size);
      else {
        const frame = this.#frame;
        this.#frame = Buffer.alloc(HEADER);
        this.#got = 0;
        this.#take(frame);
      }
    }
    return at;
  }

  /** Keep the beginning of a frame of `size` bytes. */
  #begin(part, size) {
    if (size < Infinity) this.#grow(size);
    this.#frame.set(part);
    this.#got = part.length;
  }

  #grow(size) {
    const header = this.#frame;
    this.#frame = Buffer.alloc(size);
    this.#frame.set(header);
  }

  /** Tell of a frame that does not pass. */
  #tell(frame, fault) {
    const now = Math.trunc(Date.now() / 1000);
    if (now !== this.#second) this.#faults = 0;
    this.#second = now;
    if (this.#faults++ < MAX_FAULTS) this.#child.tell("fault", frame.readUInt32BE(4), fault);
  }
}
