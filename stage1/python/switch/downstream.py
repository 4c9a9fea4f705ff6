# The switch, part 3: what a child is sent. First of all that is the preamble, which waits until the
# hold is over. The descriptor does not block.
MAX_PARTS = 500  # of one write: POSIX allows 1024
BATCH = 16384  # bytes of small frames that are written at once
# Bytes that may wait: those that a master sends at most, and the windows of some relays.
MAX_WAITING = 1 << 26
REPORT = 262144  # bytes written after which the master is told
CALL_BYTES, CANCEL_BYTES, PING_BYTES, MASTER_BYTES = map(struct.Struct(">I").pack, (CALL_FUNCTION, CANCEL, PING, 0))
WIDE = 1 << 19  # bytes that the pipe of a child holds that is sent large frames
MAX_WIDE = 32  # with more children than that, no pipe is widened
PAUSE_SECONDS = 0.001  # after which a wide pipe that was full has room for much
pausing = deque()  # children that are in such a pause, in the order in which the pauses end
write_parts = getattr(os, "writev", lambda fd, parts: os.write(fd, parts[0]))


class Downstream(object):
    """The frames that wait to be written to a child. Its master bounds how many bytes these are."""

    stdin = None
    blocked = False  # the pipe is full, and pollers tell when it has room
    flows = False  # something was written since the pipe was full last
    pause_end = 0  # when to write again, in a pause
    wide = None  # whether the pipe is wide; None: no large frame has filled it yet
    leaving = False  # the pipe is closed when all is written
    free = 0  # bytes that are not counted as written
    written = 0  # bytes that the master was not told of
    waiting = 0  # bytes of frames

    def __init__(self):
        self.urgent = deque()  # frames that go first
        self.queue = deque()  # the others; each is a tuple of parts
        self.begun = []  # parts of what is being written; first of all the preamble
        # By destination, of messages of the master's that are not whole: frames that come behind.
        self.open = {}
        self.answers = []  # frames among these that are overwritten in the end

    def put(self, frame):
        """Queue a frame of the master's, a tuple of its parts. The first begins with the header."""
        if not self.admits(frame):
            return
        head = frame[0]
        handle = head[12:16]
        flags = ord(head[20:21])
        if handle == PING_BYTES:
            self.urgent.append(frame)
        elif handle == CANCEL_BYTES:
            self.put_behind_call(frame)
        else:
            self.queue.append(frame)
            if flags & MORE:
                self.open.setdefault(head[:4], [])
            elif flags & CONT:
                self.queue.extend(self.open.pop(head[:4], ()))

    def put_message(self, dst, frames):
        """Queue a message that this hop has made: not within a message of the master's."""
        behind = self.open.get(struct.pack(">I", dst), self.queue)
        behind.extend([frame for frame in frames if self.admits(frame)])

    def put_answer(self, frame):
        """Queue a frame with an answer, for a hop behind this one."""
        if self.stdin is None:
            return frame.wipe()
        self.answers.append(frame)
        self.put((frame,))

    def put_first(self, frame):
        if self.admits(frame):
            self.urgent.append(frame)

    def admits(self, frame):
        """Count a frame that shall wait. Returns whether it may."""
        if self.stdin is None or self.leaving:
            return False
        size = sum(map(len, frame))
        self.waiting += size
        touched.add(self)
        if size > LARGE:
            expect_large_frames()
        if self.waiting > MAX_WAITING:
            self.fault(self.ident, u"%d bytes wait for it" % self.waiting)
            self.close(u"KILL")
            return False
        return True

    def put_behind_call(self, cancel):
        """Queue a CANCEL before all that waits, except for the call that it ends."""
        head = cancel[0]
        call = CALL_BYTES + struct.pack(">I", loads(head[24:])[0])
        places = [at for at, frame in enumerate(self.queue) if frame[0][:4] == head[:4] and frame[0][12:20] == call]
        if not places:
            return self.urgent.append(cancel)
        self.queue.rotate(-places[-1] - 1)
        self.queue.appendleft(cancel)
        self.queue.rotate(places[-1] + 1)

    def begin(self, preamble):
        """Queue the preamble before all frames."""
        self.begun.append(preamble)
        self.free += len(preamble)
        touched.add(self)

    def write(self, _=None):
        """Write what the pipe takes."""
        while self.stdin is not None and self.hold is None:
            if not self.begun and not self.take():
                break
            try:
                n = write_parts(self.stdin, self.begun[:MAX_PARTS])
            except EnvironmentError as e:
                if e.args[0] in BUSY:
                    return self.await_room()
                return self.close_input()  # it does not read any more
            self.spend(n)
            self.flows = True
        if self.answers and not (self.begun or self.urgent or self.queue):
            self.wipe_answers()
        self.unblock()
        if self.leaving and self.stdin is not None:
            self.close_input()

    def wipe_answers(self):
        for frame in self.answers:
            frame.wipe()
        self.answers = []

    def take(self):
        """Begin with the next frame, or with some small ones."""
        size = 0
        while (self.urgent or self.queue) and size < BATCH and len(self.begun) < MAX_PARTS:
            frame = (self.urgent or self.queue).popleft()
            self.begun.extend(frame)
            length = sum(map(len, frame))
            size += length
            if frame[0][4:8] != MASTER_BYTES:
                # A relay has made it, here or in a hop on the way: the master does not know of it.
                self.free += length
                if isinstance(frame, RelayedFrame):
                    frame.relay.written += length
        self.waiting -= size
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

    def await_room(self):
        """Have `write` called when the pipe has room.

        A poller tells as soon as there is room for one page. A child that reads makes room for much
        more in a moment. So the first thing is a pause, and pollers are asked after it.
        """
        if self.flows and self.widen():
            self.flows = False
            self.unblock()
            self.pause_end = monotonic() + PAUSE_SECONDS
            pausing.append(self)
        elif not self.blocked:
            self.blocked = True
            attend(self.stdin, self.write, 4, relaxed, jammed)

    def widen(self):
        """Widen the pipe if a large frame has filled it. Returns whether it is wide."""
        if self.wide is None and sum(map(len, self.begun)) > LARGE:
            try:
                # Linux lets all pipes of an account hold 64 MiB. Beyond that, new ones are tiny.
                self.wide = len(children) <= MAX_WIDE
                self.wide and fcntl.fcntl(self.stdin, 1031, WIDE)  # F_SETPIPE_SZ
            except EnvironmentError:
                self.wide = False
        return self.wide

    def unblock(self):
        self.pause_end = 0
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

    def close_input(self):
        if self.stdin is not None:
            self.unblock()
            shut(self.stdin)
            self.stdin = None
            self.wipe_answers()
            self.begun = []
            self.urgent.clear()
            self.queue.clear()
            self.open.clear()
            self.waiting = 0
