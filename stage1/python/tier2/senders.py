"""econtext.senders: the sending end of a channel, and what both ends have in common.

Second tier: comes with econtext.channels, whose receivers and rules it shares: see there.
Twin: src/channels/outbound.ts.
"""
import itertools

import econtext
from econtext import DEAD, handlers, thread

# An error that closes a channel is described. sent along: failures
forks = econtext.tier("forks")
interruption = econtext.tier("interruption")
locks = econtext.tier("locks")
values = econtext.tier("values")
vectored_io = econtext.tier("vectored_io")

WINDOW = 262144
OVERHEAD = 24  # of a value, so that many small ones are no less than a large one
# Far from what the core counts for itself: two threads may want one at once.
numbers = itertools.count(1 << 24)
given = {}  # senders that are not done, by the master's handles that they send to


class Closed(Exception):
    """The channel is closed, and all that was sent before is taken."""

    __module__ = "econtext.channels"


class Timeout(Exception):
    """Nothing came before the deadline."""

    __module__ = "econtext.channels"


def install():
    """What the core has to do otherwise from the first channel on: be fast with much data, end a
    wait for an interrupt, and keep forked processes from the connection.
    """
    vectored_io.install()
    interruption.install()
    forks.install()


# -- The two ends ----------------------------------------------------------------------------------
class End(object):
    """What senders and receivers have in common. `error`: why it was closed, as [TYPE, MESSAGE,
    TRACEBACK]; None: as it should.
    """

    closed = False
    error = None

    def __init__(self):
        install()
        self.turn = locks.Lock()
        self.listeners = []  # functions that the thread of each change calls: they must be quick

    def changed(self):
        for listener in list(self.listeners):
            listener()

    def mark(self, error):
        """Closed, for this reason, if not for another before."""
        if not self.closed:
            self.error = error
            self.closed = True

    def fail(self):
        if self.error:
            raise values.RemoteError(*self.error)
        raise Closed("the channel is closed")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(error)


def closing(error):
    """The body of the message that closes a channel."""
    return econtext.dumps(error).encode("utf-8")


def reason(body):
    """What it says."""
    said = econtext.loads(body)
    return said if said is None or isinstance(said, list) else ["econtext.Closed", said, ""]


def described(error):
    """What is told of an error: an exception, or any other value that says what is wrong."""
    if error is None:
        return None
    return econtext.tier("value_encode").describe(error if isinstance(error, BaseException) else Exception(error))


class Sender(End):
    """Sends to a handle of the master's, as far as it has credit."""

    told = False  # that it is closed
    farewell = b"null"

    def __init__(self, handle):
        End.__init__(self)
        self.handle = handle
        self.credits = 0  # our own handle, which credit comes to; from `open` on
        self.granted = WINDOW
        self.used = 0

    def open(self):
        """Say where the end of the receiver can be reported: a context that is given a sender may
        never use it.
        """
        self.credits = next(numbers)
        handlers[self.credits] = self.hear
        self.post([b"%d" % self.credits])

    def post(self, parts, flags=0):
        """Send a message, given in parts."""
        if flags:
            econtext.send(self.handle, b"".join(parts), flags)
        else:
            vectored_io.send(self.handle, parts)

    def ready(self):
        """Whether `send` would return, or raise, at once."""
        return self.closed or self.granted > self.used

    def send(self, value):
        """Send a value; waits while there is no credit. Raises Closed, or RemoteError when the
        receiver was closed with an error.
        """
        self.transmit([b"".join(values.encode(value, "value"))])

    def send_bytes(self, data):
        """`send` bytes, which must not change afterwards: they are not copied."""
        self.transmit(values.encode_bytes(data))

    def transmit(self, parts):
        try:
            with self.turn:
                locks.wait([self])
                self.put(parts)
        finally:
            self.part()
        if interruption.deferred:
            interruption.check()

    def offer(self, parts):
        """Send an encoded value at once.

        Only for a caller that has seen this `ready`, and while no other thread sends.
        """
        try:
            with self.turn:
                self.put(parts)
        finally:
            self.part()

    def splice(self, pipe, size):
        """`offer` so many bytes that wait in a pipe. False: not done, the bytes have to be read."""
        head = values.bytes_head(size)
        with self.turn:
            spliced = not self.closed and self.credits and econtext.tier("splice").splice_out(self.handle, head, pipe, size)
            if spliced:
                self.used += len(head) + size + OVERHEAD
        self.part()
        return spliced

    def put(self, parts):
        if self.closed:
            self.fail()
        if not self.credits:
            self.open()  # the call that made it was interrupted
        self.used += sum(map(len, parts)) + OVERHEAD
        self.post(parts)

    def close(self, error=None):
        """Close the channel, behind what was sent."""
        # The main thread may have been torn out of sending, and have left it taken.
        self.turn.take(0.05 if thread.get_ident() == econtext.main_thread else locks.EVER)
        try:
            if not self.closed:
                self.mark(described(error))
                self.farewell = closing(self.error)
        finally:
            self.turn.release()
        self.part()
        self.changed()

    def part(self):
        """Say once that nothing more comes. Who is sending does so when it is done: nothing may
        come behind it.
        """
        while self.closed and not self.told and self.turn.take(0):
            if not self.told:
                self.told = True
                handlers.pop(self.credits, None)
                given.pop(self.handle, None)
                self.post([self.farewell], DEAD)
            self.turn.release()

    def hear(self, flags, body):
        if flags & DEAD:
            self.mark(reason(body))
            self.part()
            self.changed()
        else:
            before = self.granted
            self.granted += int(body)
            # Asked last: a thread that used it up meanwhile has seen the new credit, or is told.
            if before <= self.used:
                self.changed()

    def reference(self):
        return values.SenderReference(0, self.handle)


class NearSender(Sender):
    """Sends to a context behind this one: this context's own switch takes it (../switch/own.py)."""

    def post(self, parts, flags=0):
        econtext.send_near(self.handle, flags, b"".join(parts))

    def splice(self, pipe, size):
        return False
