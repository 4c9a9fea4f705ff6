/**
 * econtext.gather: bytes on their way to a sender, gathered into large values. They are put
 * together in memory that is used again: new memory the system has to clear each time, and that
 * costs more than the copy.
 *
 * Second tier: comes with econtext.commands and econtext.files. Twin: none.
 */
const { encodeBytes } = core.tier("values");
const { Buffer, Date, clearTimeout, setTimeout } = core;
const { isReady, onReady, outletOf } = core.tier("channels");

const QUEUED = 2; // the word with how many bytes we have handed over that are not written yet
const HEADER = 24;
const ROOM = 64; // for what stands before the bytes: the header, and what makes a value of them
const MOST = 262144 - 22; // of bytes, in one frame
const MAX_QUEUED = 8 * MOST; // what waits to be written would hold up the answer, too
/** From so much within a moment on, bytes are gathered. */
const MUCH = 65536;
const MOMENT_MS = 1;

const used = []; // { memory, handed }, in the order of their use
let handed = 0; // bytes, since we began

/**
 * Get memory that was written, or new memory. Bytes are written in the order in which they were
 * handed over: the count of bytes not yet written tells which memory is free.
 */
const memory = () =>
  used.length && handed - used[0].handed >= core.get(QUEUED)
    ? used.shift().memory
    : Buffer.from(new SharedArrayBuffer(ROOM + MOST));

// Give back memory at once, where the runtime can do that. The garbage collector waits until there
// is much.
const free = (buffer) => buffer.transfer?.(0);

/** Give back the memory of a chunk that a stream made for this one use. */
const discard = ({ buffer, byteLength }) => byteLength === buffer.byteLength && free(buffer);

/**
 * Give back the memory of bytes that came in a frame, if the frame is alone in its memory and the
 * bytes are its end. Any other memory may be in use.
 */
exports.discardFrame = ({ buffer, byteOffset, byteLength }) => {
  if (byteOffset < HEADER || byteOffset + byteLength !== buffer.byteLength) return;
  if (Buffer.from(buffer).readUIntBE(21, 3) === buffer.byteLength - HEADER) free(buffer);
};

exports.Gatherer = class {
  #sender;
  #drained;
  /** What does not find room. */
  #rest = [];
  /** Bytes of the first that did. */
  #taken = 0;
  #memory;
  #size = 0; // of what is in it
  #timer;
  #since = 0;
  #recent = 0; // bytes since then

  /** `drained` is called when there is room again. */
  constructor(sender, drained) {
    this.#sender = sender;
    this.#drained = drained;
  }

  /** Whether there is room for more. */
  add(chunk) {
    const now = Date.now();
    if (now - this.#since > MOMENT_MS) {
      this.#since = now;
      this.#recent = 0;
    }
    this.#recent += chunk.length;
    this.#rest.push(chunk);
    return this.#take();
  }

  /** Whether much has come within a moment. */
  get isMuch() {
    return this.#recent >= MUCH;
  }

  /**
   * Add what `read` puts into the memory that it is given; it is sent when it fills a frame, or
   * with `flush`.
   *
   * @returns what that says: how many bytes; undefined too when there is no room
   */
  fill(read) {
    if (this.#rest.length ? !this.#take() : this.#size === MOST && !this.flush()) return undefined;
    this.#memory ??= memory();
    const size = read(this.#memory.subarray(ROOM + this.#size));
    this.#size += size ?? 0;
    if (this.#size === MOST) this.flush();
    return size;
  }

  /** Send what is left, after all that was sent before, and close the sender. */
  end() {
    clearTimeout(this.#timer);
    if (this.#taken) this.#rest[0] = this.#rest[0].subarray(this.#taken);
    const left = [
      ...(this.#memory ? [this.#memory.subarray(ROOM, ROOM + this.#size)] : []),
      ...this.#rest,
    ];
    const bytes = Buffer.concat(left);
    if (bytes.length) this.#sender.send(bytes).catch(() => {});
    if (this.#memory) used.push({ memory: this.#memory, handed });
    this.#memory = undefined;
    this.#rest = [];
    this.#size = 0;
    this.#sender.close();
  }

  #resume() {
    if (this.flush() && this.#take()) this.#drained();
  }

  #take() {
    while (this.#rest.length) {
      const [chunk] = this.#rest;
      const part = chunk.subarray(this.#taken, this.#taken + MOST - this.#size);
      this.#memory ??= memory();
      this.#memory.set(part, ROOM + this.#size);
      this.#size += part.length;
      this.#taken += part.length;
      if (this.#taken === chunk.length) {
        discard(this.#rest.shift());
        this.#taken = 0;
      }
      if (this.#size === MOST && !this.flush()) return false;
    }
    if (!this.isMuch) return this.flush();
    if (this.#size) this.#timer ??= setTimeout(() => this.flush(), MOMENT_MS);
    return true;
  }

  /** Send what was gathered, if there is room; else when there is. @returns whether there was */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#size) return true;
    if (!isReady(this.#sender)) {
      onReady(this.#sender, () => this.#resume());
      return false;
    }
    if (core.get(QUEUED) > MAX_QUEUED) {
      this.#timer = setTimeout(() => this.#resume(), MOMENT_MS);
      return false;
    }
    const head = encodeBytes({ length: this.#size }).chunks[0];
    const begin = ROOM - head.length;
    this.#memory.set(head, begin);
    const frame = this.#memory.subarray(begin - HEADER, ROOM + this.#size);
    if (this.#size < MUCH) outletOf(this.#sender).post(Buffer.from(frame));
    else {
      outletOf(this.#sender).post(frame);
      handed += this.#size;
      used.push({ memory: this.#memory, handed });
      this.#memory = undefined;
    }
    this.#size = 0;
    return true;
  }
};
