/** Tells the master how much was written: soon, and not for each short frame. */
class Reporter {
  #tell;
  #bytes = 0;
  #timer;

  constructor(tell) {
    this.#tell = tell;
  }

  add(bytes) {
    this.#bytes += bytes;
    if (this.#bytes >= REPORT) this.report();
    else if (this.#bytes) this.#timer ??= setTimeout(() => this.report(), REPORT_MS);
  }

  report() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes) this.#tell(this.#bytes);
    this.#bytes = 0;
  }
}

/**
 * What waits to be written to a child. The master keeps it below its window. Relays are bounded by
 * the credit that contexts give, which a hostile one gives without end: so there is a limit, too.
 */
class Downstream {
  #stream;
  #keyboard; // where answers go
  #reporter; // of the bytes of frames that have been written
  #overflowed; // called when too much waits
  #waiting = 0; // bytes of frames
  #first = []; // the preamble
  #control = []; // frames that overtake the others
  #frames = [];
  #isBusy = false;
  #isHeld;
  #isOver = false;
  #isEnding = false;
  #open = new Map(); // destination: the message to it that is not whole yet
  #answers = new Set(); // frames with answers: they are overwritten in the end
  #onWritten = new Map(); // frame of a relay: what is called when the frame is written

  constructor(stream, keyboard, preamble, isHeld, { wrote, overflowed }) {
    this.#stream = stream;
    this.#keyboard = keyboard;
    this.#first = preamble;
    this.#isHeld = isHeld;
    this.#reporter = new Reporter(wrote);
    this.#overflowed = overflowed;
    stream.on("error", () => this.stop());
    stream.on("close", () => this.stop());
    this.#pump();
  }

  /** Write a secret, ahead of the preamble that is held. Its memory is overwritten. */
  answer(bytes) {
    const wipe = () => bytes.fill(0);
    if (this.#isHeld && !this.#isOver) this.#keyboard.write(bytes, wipe);
    else wipe();
  }

  /** A frame for a hop behind this one has an answer. */
  #expectWiping(frame) {
    this.#answers.add(frame);
    conceal(frame, true);
  }

  /** @returns whether it was a frame with an answer */
  #wipe(frame) {
    if (!this.#answers.delete(frame)) return false;
    frame.fill(0);
    conceal(frame, false);
    return true;
  }

  release() {
    this.#isHeld = false;
    this.#pump();
  }

  /** Another program begins at the other end. It gets its preamble, and nothing of what waits. */
  restart(preamble) {
    [this.#first, this.#control, this.#frames, this.#waiting] = [preamble, [], [], 0];
    this.#open.clear();
    this.#onWritten.clear();
    this.#pump();
  }

  /** Take a frame of the master's. */
  add(frame) {
    if (!this.#admits([frame])) return;
    const dst = frame.readUInt32BE(0);
    const handle = frame.readUInt32BE(12);
    const flags = frame[20];
    if (handle === PING) this.#control.push(frame);
    else if (handle === CANCEL) this.#cancel(frame, dst);
    else {
      if (handle === WRITE && dst >= SWITCH) this.#expectWiping(frame);
      this.#frames.push(frame);
      if (flags & MORE) {
        if (!(flags & CONT)) this.#open.set(dst, { reply: frame.readUInt32BE(16), behind: [] });
      } else if (flags & CONT) {
        this.#frames.push(...(this.#open.get(dst)?.behind ?? []));
        this.#open.delete(dst);
      }
    }
    this.#pump();
  }

  /** Take a message of this hop's. It must not come within another message to its destination. */
  addMessage(dst, list) {
    if (this.#admits(list)) this.#append(dst, list);
  }

  #append(dst, list) {
    (this.#open.get(dst)?.behind ?? this.#frames).push(...list);
    this.#pump();
  }

  /** Take a message of a relay. `onWritten` is called when all of it is written. */
  relay(dst, list, onWritten) {
    if (!this.#admits(list)) return;
    this.#onWritten.set(list.at(-1), onWritten);
    this.#append(dst, list);
  }

  relayFirst(list) {
    if (!this.#admits(list)) return;
    this.#control.push(...list);
    this.#pump();
  }

  /** Whether there is room. A message that has begun has it. */
  #admits(list) {
    if (this.#isOver) return false;
    const isFull = this.#waiting > MAX_WAITING && !(list[0][20] & CONT);
    if (isFull) this.#overflowed();
    else for (const frame of list) this.#waiting += frame.length;
    return !isFull;
  }

  /** A cancel overtakes all but the call that it is for. */
  #cancel(frame, dst) {
    const [call] = JSON.parse(frame.subarray(HEADER));
    const open = this.#open.get(dst);
    if (open?.reply === call) open.behind.push(frame);
    else {
      const isCall = (one) =>
        one.readUInt32BE(0) === dst &&
        one.readUInt32BE(12) === CALL_FUNCTION &&
        one.readUInt32BE(16) === call;
      const at = this.#frames.findLastIndex(isCall);
      if (at < 0) this.#control.push(frame);
      else this.#frames.splice(at + 1, 0, frame);
    }
  }

  /** End it: at once, or when all that waits is written. */
  end(atOnce) {
    this.#isEnding = true;
    if (this.#isOver) return;
    if (atOnce || this.#isHeld) this.#close();
    else this.#pump();
  }

  /** Drop all that waits, and end it. */
  stop() {
    if (this.#isOver) return;
    this.#reporter.report();
    this.#isOver = true;
    this.#first = this.#control = this.#frames = [];
    this.#onWritten.clear();
    for (const frame of this.#answers) this.#wipe(frame);
  }

  #pump() {
    while (!(this.#isBusy || this.#isOver || this.#isHeld)) {
      const first = this.#first.shift();
      const list = first ? [] : this.#batch();
      if (first) this.#write(first, list);
      else if (list.length) this.#write(list.length > 1 ? Buffer.concat(list) : list[0], list);
      else if (this.#isEnding) this.#close();
      else return;
    }
  }

  /** @param list the frames of which these bytes are */
  #write(bytes, list) {
    let isLate = false;
    this.#isBusy = true;
    this.#stream.write(bytes, () => {
      this.#isBusy = false;
      if (this.#answers.size && list.filter((frame) => this.#wipe(frame)).length) bytes.fill(0);
      this.#count(list);
      for (const frame of list) giveBack(frame);
      if (isLate) this.#pump();
    });
    isLate = true;
  }

  #close() {
    this.stop();
    this.#stream.end();
  }

  /** @returns some of what waits, the control frames first */
  #batch() {
    const list = this.#control.splice(0);
    let size = 0;
    for (const frame of list) size += frame.length;
    let n = 0;
    for (const frame of this.#frames) {
      if (size && size + frame.length > BATCH) break;
      size += frame.length;
      n++;
    }
    list.push(...this.#frames.splice(0, n));
    return list;
  }

  /** These frames are written. */
  #count(list) {
    let bytes = 0;
    for (const frame of list) {
      this.#waiting -= frame.length;
      // A relay has made the others, here or in a hop on the way: the master does not know of them.
      if (!frame.readUInt32BE(4)) bytes += frame.length;
      else if (this.#onWritten.has(frame)) {
        this.#onWritten.get(frame)();
        this.#onWritten.delete(frame);
      }
    }
    if (!this.#isOver) this.#reporter.add(bytes);
  }
}
