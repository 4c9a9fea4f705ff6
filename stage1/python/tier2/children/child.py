# The switch, part 2: one child and its streams.
#
# Its standard output begins with noise, and has the line of `hold`, if there is one. Then comes the
# marker, and from there on frames. Its standard input gets the preamble when the hold is over, and
# then frames. The three descriptors do not block.
TAIL = 32768  # bytes of stderr that are kept
REPORT = 65536  # bytes written after which the master is told
KILL_SECONDS = 3  # what a child has to end by itself
GRACE_SECONDS = 0.25  # how long the pipes of a process that has ended may stay open
LAZY_SECONDS = 0.1  # how long a few written bytes may go unreported
FAULTS_PER_SECOND = 100
BATCH = 16384  # bytes of small frames that are written at once
LARGE = 32768  # from here on, a frame is read to its place
TOP = 1 << 31  # in a frame's destination: the switch of that context
FIRST = struct.pack(">I", CANCEL), struct.pack(">I", PING)  # frames that go before others
write_parts = getattr(os, "writev", lambda fd, parts: os.write(fd, parts[0]))
read_into = getattr(os, "readv", None)


def units(words):
    """Yield the code units of a text in UTF-16. (Python 2 imports every codec but UTF-8.)"""
    for c in map(ord, words):
        if c > 0xFFFF:
            yield 0xD7C0 + (c >> 10)
            c = 0xDC00 + (c & 0x3FF)
        yield c


def quote(words):
    """Return JSON text of a text. `dumps` may not work yet: see json_codec."""
    return u'"%s"' % u"".join([chr(c) if 31 < c < 127 and c not in (34, 92) else u"\\u%04x" % c for c in units(words)])


def decoded(data):
    return bytes(data).decode("utf-8", "replace")


class Child(object):
    """A program that was started, and the context in it."""

    def __init__(self, ident, events, marker, hold):
        self.ident = ident
        self.events = events  # handle of the master
        self.pid = self.stdin = self.stdout = self.stderr = None
        # Both ends of its terminal. While we have the far one open, reading does not fail.
        self.terminal = ()
        self.own_session = False
        self.problem = None  # why it could not be started, if that shows late
        self.hold = hold  # the line that has to come before anything is written; or None
        self.marker = marker  # the marker, until it has come; then None
        self.seen = b""  # output that is not passed on
        self.large = None  # a large frame that has begun
        self.tail = b""
        self.midline = False  # `seen` goes on with a line of noise
        self.due = False  # its output waits to be read
        self.blocked = False  # its input is full
        self.leaving = False  # its input is closed when all is written
        self.urgent = deque()  # frames that go first
        self.queue = deque()  # frames: bytes, or a tuple of parts
        self.begun = []  # parts of what is being written
        self.free = 0  # bytes that are not counted as written
        self.written = 0  # bytes that the master was not told of
        self.told = 0  # when the master was told last
        self.hurried = 0  # until when it is looked at often
        self.kill_at = None  # when it is killed
        self.ended = None  # when its process was found to have ended
        self.status = None, None
        self.faults = 0, 0  # a second, and how many faults were reported in it

    # -- What the master is told -------------------------------------------------------------------
    def say(self, *words):
        """Send an event to the master."""
        spelled = [quote(word) if isinstance(word, (str, text)) else "null" if word is None else "%d" % word for word in words]
        send(self.events, (u"[%s]" % u",".join(spelled)).encode("utf-8"), hold=True)

    def report(self):
        """Tell how much was written since the last time."""
        if self.written:
            self.say(u"wrote", self.written)
        self.written = 0
        self.told = monotonic()
        unreported.discard(self)

    def fault(self, source, problem):
        """A frame was dropped. The master is told, if not too often."""
        second = int(monotonic())
        count = self.faults[1] + 1 if self.faults[0] == second else 1
        self.faults = second, count
        if count <= FAULTS_PER_SECOND:
            self.say(u"fault", source, problem)

    # -- Input of the child ------------------------------------------------------------------------
    def put(self, frame, handle):
        """Queue a frame: bytes, or a tuple of parts."""
        if self.stdin is not None and not self.leaving:
            (self.urgent if handle in FIRST else self.queue).append(frame)
            touched.add(self)

    def begin(self, preamble):
        """Queue the preamble, a list of bytes, before all frames."""
        self.queue.extend(preamble)
        self.free += sum(map(len, preamble))
        touched.add(self)

    def write(self, _=None):
        """Write what the pipe takes."""
        while self.stdin is not None and self.hold is None:
            if not self.begun and not self.take():
                break
            try:
                n = write_parts(self.stdin, self.begun)
            except EnvironmentError as e:
                if e.args[0] in BUSY:
                    return self.block()
                return self.close_input()  # it does not read any more
            self.spend(n)
        self.unblock()
        if self.leaving and self.stdin is not None:
            self.close_input()

    def take(self):
        """Begin with the next frame, or with some small ones."""
        size = 0
        while (self.urgent or self.queue) and size < BATCH and len(self.begun) < 500:
            frame = (self.urgent or self.queue).popleft()
            frame = frame if isinstance(frame, tuple) else (frame,)
            self.begun.extend(frame)
            size += sum(map(len, frame))
        return size

    def spend(self, n):
        """So many bytes of `begun` are written."""
        skipped = min(n, self.free)
        self.free -= skipped
        self.written += n - skipped
        if self.written >= REPORT:
            self.report()
        elif self.written:
            unreported.add(self)
        parts = self.begun
        done = 0
        while done < len(parts) and len(parts[done]) <= n:
            n -= len(parts[done])
            done += 1
        del parts[:done]
        if n:
            parts[0] = memoryview(parts[0])[n:]

    def block(self):
        """Have `write` called when there is room."""
        if not self.blocked:
            self.blocked = True
            attend(self.stdin, self.write, 4, relaxed, jammed)

    def unblock(self):
        if self.blocked:
            self.blocked = False
            disregard(self.stdin, relaxed, jammed)

    def answer(self, data):
        """Write what the program has asked for, before the preamble. Later it is dropped."""
        try:
            if self.hold is not None:
                os.write(self.terminal[0] if self.terminal else self.stdin, data)
        except EnvironmentError as e:
            self.fault(self.ident, explain(e.args[0]))

    def close(self, name):
        """End the child: close its input, and send it a signal if one is named."""
        if self.kill_at is None:
            self.kill_at = monotonic() + KILL_SECONDS
            self.hurry(KILL_SECONDS + 1)
        if name and not self.ended:
            kill(self.pid, getattr(signal, "SIG" + name.replace("SIG", "")))
        if name or self.hold is not None:
            self.close_input()
        self.leaving = True
        self.write()

    def close_input(self):
        if self.stdin is not None:
            self.unblock()
            shut(self.stdin)
            self.stdin = None
            self.begun = []
            self.urgent.clear()
            self.queue.clear()

    # -- Output of the child -----------------------------------------------------------------------
    def has_output(self, _):
        """Read later in this turn, when the turns of others allow it."""
        if not self.due:
            self.due = True
            to_read.append(self)

    def read(self):
        """Read once. Returns whether there was anything."""
        if self.stdout is None:
            return False
        try:
            if self.large is None:
                data = os.read(self.stdout, MAX_FRAME)
                if data:
                    self.seen = self.seen + data if self.seen else data
                    self.scan()
                    return True
            else:
                n = self.fill()
                if n:
                    return True
        except EnvironmentError as e:
            if e.args[0] in BUSY:
                return False
        self.close_output()
        return False

    def fill(self):
        """Read the rest of a large frame to its place."""
        place = memoryview(self.large)[self.got :]
        if read_into:
            n = read_into(self.stdout, [place])
        else:
            data = os.read(self.stdout, len(place))
            n = len(data)
            place[:n] = data
        self.got += n
        if n == len(place):
            whole = self.large
            self.large = None
            if self.accepts(HEAD.unpack_from(whole)):
                emit(whole)
        return n

    def scan(self):
        """Take in `seen`, as far as it is whole."""
        if self.hold is not None:
            self.await_line()
        if self.hold is None and self.marker is not None:
            self.await_marker()
        if self.marker is None and self.seen:
            self.pass_on()

    def await_line(self):
        """Look for the line after which the preamble may be written."""
        while b"\n" in self.seen and self.hold is not None:
            line, _, self.seen = self.seen.partition(b"\n")
            if not self.midline and line.rstrip(b"\r") == self.hold:
                self.hold = None
                self.say(u"held")
                touched.add(self)
            else:
                self.noise(line + b"\n")
            self.midline = False
        if self.hold is not None and self.seen and not (self.hold + b"\r").startswith(self.seen):
            self.noise(self.seen)
            self.seen = b""
            self.midline = True

    def await_marker(self):
        """Look for the marker. What comes before is noise."""
        marker = self.marker
        before, found, after = self.seen.partition(marker)
        if found:
            self.noise(before)
            self.seen = after
            self.marker = None
            self.say(u"marked")
            return
        # It may have begun at the end.
        begun = next((n for n in range(len(marker) - 1, 0, -1) if before.endswith(marker[:n])), 0)
        self.seen = before[len(before) - begun :]
        self.noise(before[: len(before) - begun])

    def noise(self, data):
        if data:
            self.say(u"noise", decoded(data))

    def pass_on(self):
        """Pass on the whole frames of `seen`, all in one piece if they are as they should be."""
        data = self.seen
        start = at = 0
        while len(data) - at >= 24:
            head = HEAD.unpack_from(data, at)
            end = at + 24 + (head[5] & 0xFFFFFF)
            if head[5] >> 24 > 31 or end - at - 24 > MAX_FRAME:
                emit(data[start:at])
                return self.reject(head)
            if end > len(data):
                break
            if not self.accepts(head):
                emit(data[start:at])
                start = end
            at = end
        emit(data[start:at])
        self.seen = data[at:]
        if len(data) - at >= 24 and end - at > LARGE:
            self.large = bytearray(end - at)
            self.got = len(self.seen)
            self.large[: self.got] = self.seen
            self.seen = b""

    def accepts(self, head):
        """Whether a frame may go to the master."""
        dst, source, auth, _, _, n = head
        if dst == 0 and auth == source and not n >> 24 & DEFLATE and routes.get(source) is self:
            return True
        self.fault(source, u"a frame for %d from %d by %d" % (dst, source, auth))

    def reject(self, head):
        """What comes is no stream of frames."""
        self.fault(self.ident, u"a frame of %d bytes with flags %d" % (head[5] & 0xFFFFFF, head[5] >> 24))
        self.seen = b""
        self.close_output()
        self.close(None)

    def close_output(self):
        """Its output has ended, or is not wanted any more."""
        if self.stdout is not None:
            if self.marker is not None:
                self.noise(self.seen)
            disregard(self.stdout, relaxed)
            shut(self.stdout)
            self.stdout = None
            self.hurry(1)
            self.say(u"closed")

    def hear(self, fd):
        """Read what it says on stderr, or on its terminal."""
        data = read(fd)
        if data == b"" and fd == self.stderr:
            self.stderr = None
            disregard(fd, relaxed)
            shut(fd)
        elif data and self.marker is not None:
            self.say(u"stderr", decoded(data))
        elif data and fd == self.stderr:
            self.tail = (self.tail + data)[-TAIL:]

    # -- Its end -----------------------------------------------------------------------------------
    def hurry(self, seconds):
        """Have it tended often for so long."""
        self.hurried = monotonic() + seconds
        restless.add(self)

    def tend(self, now):
        """Do what is due: kill it, or find that it has ended."""
        if now > self.hurried:
            restless.discard(self)
        if self.ended is None:
            if self.kill_at is not None and now >= self.kill_at:
                kill(self.pid, 9, self.own_session)
                self.close_input()
            self.reap(now)
        if self.ended is not None:
            silent = self.stdout is None and self.stderr is None
            late = now >= self.ended + GRACE_SECONDS and not out and not rest
            if silent or late and not self.read():
                self.finish()

    def reap(self, now):
        """See whether its process has ended."""
        try:
            if self.problem:
                self.ended = now
            elif self.pid:
                pid, status = os.waitpid(self.pid, 1)
                if pid:
                    self.ended = now
                    self.status = (None, SIGNAL_NAMES.get(status & 127)) if status & 127 else (status >> 8, None)
        except EnvironmentError as e:
            if e.args[0] not in BUSY:
                self.ended = now  # user code has taken its status
        if self.ended is not None:
            self.hurry(1)

    def finish(self):
        """Forget it."""
        self.close_input()
        self.close_output()
        for fd in (self.stderr,) + self.terminal[:1]:
            if fd is not None:
                self.hear(fd)
        for fd in (self.stderr,) + self.terminal[:1]:
            if fd is not None:
                disregard(fd, relaxed)
                shut(fd)
        for fd in self.terminal[1:]:
            shut(fd)
        self.report()
        if self.problem:
            self.say(u"failed", self.problem)
        else:
            if self.tail:
                self.say(u"stderr", decoded(self.tail))
            self.say(u"ended", *self.status)
        for ident in [ident for ident in routes if routes[ident] is self]:
            del routes[ident]
        children.pop(self.ident, None)
        restless.discard(self)
        unreported.discard(self)
