# The switch, part 5: one child, its events and its end.
KILL_SECONDS = 3  # what a child has to end by itself
GRACE_SECONDS = 0.25  # how long the pipes of a process that has ended may be silent
MAX_LATE = 1048576  # bytes that are read of them: as many as Linux lets a pipe hold
LAZY_SECONDS = 0.1  # how long a few written bytes may go unreported
FAULTS_PER_SECOND = 100


def units(words):
    """Yield the code units of a text in UTF-16. (Python 2 imports every codec but UTF-8.)"""
    for c in map(ord, words):
        if c > 0xFFFF:
            yield 0xD7C0 + (c >> 10)
            c = 0xDC00 + (c & 0x3FF)
        yield c


def quote(words):
    """Return JSON text of a text. `dumps` may not work yet: see json_codec."""
    if Options:
        return _json.encode_basestring_ascii(words)
    return u'"%s"' % u"".join([chr(c) if 31 < c < 127 and c not in (34, 92) else u"\\u%04x" % c for c in units(words)])


def decoded(data):
    return bytes(data).decode("utf-8", "replace")


class Child(Downstream, Upstream):
    """A program that was started, and the context in it."""

    program = None
    told = 0  # when the master was told last how much was written
    hurried = 0  # until when it is looked at often
    kill_at = None  # when it is killed
    ended = None  # when its process was found to have ended
    status = None, None
    faults = 0, 0  # a second, and how many faults were reported in it

    def __init__(self, ident, events, marker, hold):
        Downstream.__init__(self)
        self.ident = ident
        self.events = events  # handle of the master
        self.hold = hold  # the line that has to come before anything is written; or None
        self.marker = marker  # the marker, until it has come; then None

    # -- What the master is told -------------------------------------------------------------------
    def say(self, *words):
        """Send an event to the master."""
        spelled = [quote(word) if isinstance(word, (str, text)) else "null" if word is None else "%d" % word for word in words]
        out.extend(frames(self.events, (u"[%s]" % u",".join(spelled)).encode("utf-8")))

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

    # -- Its end -----------------------------------------------------------------------------------
    def close(self, name):
        """End the child: close its input, and send it a signal if one is named."""
        if self.kill_at is None:
            self.kill_at = monotonic() + KILL_SECONDS
            self.hurry(KILL_SECONDS + 1)
        if name and not self.ended:
            kill(self.program.pid, getattr(signal, "SIG" + name.replace("SIG", "")))
        if name or self.hold is not None:
            self.close_input()
        self.leaving = True
        self.write()

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
                kill(self.program.pid, 9, self.program.own_session)
                self.close_input()
            self.reap(now)
        if self.ended is not None:
            silent = self.stdout is None and self.stderr is None
            late = now >= self.ended + GRACE_SECONDS and not out and not rest
            # Other processes may hold the pipes, and write to them for ever.
            over = self.late > MAX_LATE or self.kill_at is not None and now >= self.kill_at
            if silent or over or late and not self.read():
                self.finish()

    def reap(self, now):
        """See whether its process has ended."""
        try:
            if self.program.problem:
                self.ended = now
            elif self.program.pid:
                pid, status = os.waitpid(self.program.pid, 1)
                if pid:
                    self.ended = now
                    self.status = (None, SIGNAL_NAMES.get(status & 127)) if status & 127 else (status >> 8, None)
        except EnvironmentError as e:
            if e.args[0] not in BUSY:
                self.ended = now  # user code has taken its status
        if self.ended is not None:
            self.hurry(1)

    def finish(self):
        """Close what is open, and tell the master how it ended."""
        conceal(self, False)
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
        if self.program.problem:
            self.say(u"failed", self.program.problem)
        else:
            if self.tail:
                self.say(u"stderr", decoded(self.tail))
            self.say(u"ended", *self.status)
        self.forget()

    def forget(self):
        """Take it out of all tables, and end the relays of what is behind it."""
        gone = [ident for ident in routes if routes[ident] is self]
        for ident in gone:
            del routes[ident]
        sever_all(gone)
        children.pop(self.ident, None)
        restless.discard(self)
        unreported.discard(self)
