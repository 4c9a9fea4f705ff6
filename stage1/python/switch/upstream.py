# The switch, part 4: what a child says. First comes noise, and the line of `hold` if there is one;
# then the marker, and from there on frames. The descriptors do not block.
LARGE = 32768  # from here on, a frame is read to its place
TAIL = 32768  # bytes of stderr that are kept
read_into = getattr(os, "readv", None)


class Upstream(object):
    """The output of a child."""

    stdout = stderr = None
    terminal = ()  # both ends of its terminal: while the far one is open, reading does not fail
    seen = b""  # output that is not passed on
    large = None  # a large frame that has begun
    got = 0  # bytes of it that have come
    tail = b""  # the end of stderr
    midline = False  # `seen` goes on with a line of noise
    due = False  # its output waits to be read
    late = 0  # bytes that came after the end of its process

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
                    if self.ended is not None:
                        self.late += len(data)
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
            if self.accepts(HEAD.unpack_from(whole), whole, 0):
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
                conceal(self, False)
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
            if not self.accepts(head, data, at):
                emit(data[start:at])
                start = end
            at = end
        emit(data[start:at])
        self.seen = data[at:]
        if len(data) - at >= 24 and end - at > LARGE:
            expect_large_frames()
            self.large = bytearray(end - at)
            self.got = len(self.seen)
            self.large[: self.got] = self.seen
            self.seen = b""

    def accepts(self, head, data, at):
        """Whether a frame goes to the master: it may, and no relay takes it."""
        dst, source, auth, handle, _, n = head
        if dst or auth != source or n >> 24 & 16 or routes.get(source) is not self:
            self.fault(source, u"a frame for %d from %d by %d" % (dst, source, auth))
            return False
        if (source, handle) not in relays:
            return True
        # A small frame must not keep all that came with it.
        whole = memoryview(data) if at == 0 and isinstance(data, bytearray) else data
        try:
            return divert(head, whole[at + 24 : at + 24 + (n & 0xFFFFFF)])
        except ValueError as e:
            self.fault(source, u"%s" % e)

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
        if self.ended is not None:
            self.late += len(data or b"")
        if data == b"" and fd == self.stderr:
            self.stderr = None
            disregard(fd, relaxed)
            shut(fd)
        elif data and self.marker is not None:
            self.say(u"stderr", decoded(data))
        elif data and fd == self.stderr:
            self.tail = (self.tail + data)[-TAIL:]
