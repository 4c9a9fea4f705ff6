"""econtext.channels: values that go one way, from who has a channel's sender to its one receiver;
and generators, which are sent over one.

Second tier: comes with the first sender, or with a generator. Twins:
stage1/javascript/tier2/channels.js, src/channels/outbound.ts (Sender), src/channels/inbound.ts
(Receiver), src/channels/window.ts (the arithmetic of both). Spec: docs/protocol.md, "Channels".

User code calls from any thread. The thread that reads the stream calls `hear`: it takes no lock
that user code may keep, and it calls the functions in `listeners`. A count is written by one side
only: credit is the difference of two.
"""
import os
import sys

import econtext
from econtext import DEAD, ERROR, deque, handlers, thread

forks = econtext.tier("forks")
interruption = econtext.tier("interruption")
locks = econtext.tier("locks")
senders = econtext.tier("senders")
values = econtext.tier("values")
wait = locks.wait
from econtext.senders import OVERHEAD, WINDOW, Closed, End, NearSender, Sender, Timeout
from econtext.senders import closing, described, given, numbers, reason

MAX_WINDOW = 4194304
OWN_SWITCH = 1 << 31  # senders of this context's id and this bit send to its own switch
INTERRUPTIBLE = ("iterate",)


class Home(Sender):
    """The sender of a receiver of this context: without a window, because both ends are here."""

    closed = property(lambda self: self.receiver.closed)
    error = property(lambda self: self.receiver.error)

    def __init__(self, receiver):
        End.__init__(self)
        self.listeners = receiver.listeners
        self.receiver = receiver

    def ready(self):
        return True

    def splice(self, pipe, size):
        return False

    def put(self, parts):
        if self.closed:
            self.fail()
        self.receiver.queue.append((0, b"".join(parts)))
        self.receiver.changed()

    def close(self, error=None):
        self.receiver.end(described(error))

    def part(self):
        pass

    def reference(self):
        return values.SenderReference(econtext.me, self.receiver.admit())


class Receiver(End):
    """Receives what is sent to the channel, in order; iteration ends when it is closed."""

    def __init__(self):
        End.__init__(self)
        self.queue = deque()  # (what it costs, body)
        self.handle = 0  # which the master sends to; from when the sender is first sent there
        self.credits = 0  # the master's, which credit goes to
        self.near = False  # the sender is behind this context, whose own switch takes credit
        self.window = self.granted = WINDOW
        self.taken = 0
        # What can take bytes from the stream, past the queue: an object with `fill`.
        self.sink = None
        # Taken by the thread that tells the sender that nothing is received any more. Two threads
        # may try to at once.
        self.told = thread.allocate_lock()
        self.sender = Home(self)

    def ready(self):
        """Whether `receive` would return, or raise, at once."""
        return bool(self.closed or self.queue)

    def receive(self, deadline=None):
        """The next value. Raises Closed, RemoteError when the channel was closed with an error,
        Timeout after `deadline` seconds.
        """
        until = None if deadline is None else locks.now() + deadline
        if interruption.deferred:
            interruption.check()
        while True:
            body = self.take()
            if body is not None:
                return econtext.decode(bytes(body))
            if not wait([self], until):
                raise Timeout("nothing came within %s s" % deadline)

    def take(self):
        """The next body, None if none is there. Raises when the channel is closed and nothing is
        left.
        """
        with self.turn:
            closed = self.closed  # before the queue is looked at: then nothing comes any more
            if self.queue:
                cost, body = self.queue.popleft()
                self.taken += cost
                if not closed:
                    self.grant()
                return body
        if closed:
            self.fail()

    def skip(self, cost):
        """A part of a value, or all of it, went past the queue. For who reads the stream."""
        if self.turn.take(0):
            self.taken += cost
            self.grant()
            self.turn.release()
        else:
            self.queue.append((cost, b'""'))
            self.changed()

    def grant(self):
        """Give new credit when half of the window is taken."""
        if (self.granted - self.taken) * 2 > self.window:
            return
        # We keep up: let no link be so long that it is the window which slows it.
        if not self.queue:
            self.window = min(self.window * 2, MAX_WINDOW)
        credit = self.taken + self.window - self.granted
        self.granted += credit
        credits = self.credits
        if credits and not self.told.locked():
            if self.near:
                econtext.send_near(credits, 0, b"%d" % credit)
            else:
                econtext.out.extendleft(econtext.frames(credits, b"%d" % credit))
                econtext.flush()

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self.receive()
        except Closed:
            raise StopIteration

    next = __next__

    def close(self, error=None):
        """Receive no more: what was not taken is dropped, and who sends is told."""
        self.end(described(error))
        self.queue.clear()

    def end(self, error):
        if not self.closed:
            self.mark(error)
            self.tell(closing(self.error))
        self.changed()

    def tell(self, farewell):
        credits = self.credits
        if credits and self.told.acquire(False):
            # Behind the credit that was given before: the handle is none any more when this has
            # come.
            if self.near:
                econtext.send_near(credits, DEAD, farewell)
            else:
                econtext.send(credits, farewell, DEAD)

    def admit(self):
        """The handle that the master may send to."""
        if not self.handle:
            if self.closed:
                # A context that is given it now has not heard of the end.
                self.told = thread.allocate_lock()
            self.handle = next(numbers)
            homes[self.handle] = self.sender
            handlers[self.handle] = self.hear
        return self.handle

    def revoke(self):
        """Free the handle: it was not sent after all, so no message will ever come for it."""
        if self.handle:
            del handlers[self.handle], homes[self.handle]
            self.handle = 0

    def hear(self, flags, body):
        if flags & DEAD:
            self.revoke()
            self.tell(b"null")
            self.credits = 0
            self.mark(reason(body))
        elif not self.credits:
            self.credits = int(body)
            if self.closed:
                self.tell(closing(self.error))
        elif flags & ERROR:
            # The switch says that it takes credit. This comes behind what the master was sent.
            econtext.send(self.credits, b"0")
            self.near = True
        elif not self.closed:
            self.queue.append((len(body) + OVERHEAD, body))
        self.changed()


class Channel(object):
    """A new channel: keep its receiver, and give its sender to whom it is for."""

    def __init__(self):
        self.receiver = Receiver()
        self.sender = self.receiver.sender


class Select(object):
    """Iterates over (receiver, value) of several receivers, whichever has one first; ends when all
    are closed.
    """

    def __init__(self, *receivers):
        self.receivers = list(receivers)

    def __iter__(self):
        return self

    def __next__(self):
        while self.receivers:
            wait(self.receivers)
            for receiver in list(self.receivers):
                # Behind the others, whatever it has: each gets its turn.
                self.receivers.remove(receiver)
                try:
                    body = receiver.take()
                except Closed:
                    continue
                self.receivers.append(receiver)
                if body is not None:
                    return receiver, econtext.decode(bytes(body))
        raise StopIteration

    next = __next__


# -- Generators: a call iterates them here, for the context that knows their number ----------------
generators = {}


def pump(number, sender):
    """Send what the generator yields. Its error closes the channel; so does the end of this call,
    and a closed channel ends it.
    """
    try:
        generator = generators.pop(number)
    except KeyError as e:
        sender.close(e)
        raise
    error = None
    try:
        iterate(generator, sender)
    except interruption.Cancelled:
        raise
    except:  # noqa: E722
        if os.getpid() != econtext.pid:
            raise  # the generator has forked: the channel belongs to the parent
        error = sys.exc_info()[1]
    finally:
        try:
            generator.close()
        finally:
            sender.close(error)


def iterate(generator, sender):
    for value in generator:
        sender.send(value)


def drop(number):
    """Close a generator that is not going to be iterated."""
    if number in generators:
        generators.pop(number).close()


made = 0, []  # the call that runs, or ran last, and the numbers of generators that it has given


def forsake(call):
    """This call is cancelled, and its result is not read: drop the generators in that."""
    if made[0] == call:
        while made[1]:
            drop(made[1].pop())


def in_child():
    """In a process that user code has forked (econtext.forks): channels are the parent's, also
    those within the context.
    """
    for kind, names in (Sender, ("send", "send_bytes", "offer", "splice")), (Receiver, ("receive", "take")), (Select, ("next", "__next__")):
        for name in names:
            setattr(kind, name, forks.refuse)
    # The end of a `with` block in the child must not close the parent's channel.
    Sender.part = Receiver.tell = lambda *_: None


# -- What stands for a sender, and for a generator, in a value -------------------------------------
homes = {}  # senders to our own
registry = thread.allocate_lock()


def adopt(id, handle):
    """What a reference that has come stands for."""
    if id == econtext.me:
        return homes.get(handle) or ended()
    near = id == econtext.me | OWN_SWITCH
    if id and not near:
        return values.SenderReference(id, handle)
    with registry:
        sender = given.get(handle)
        if sender is None:
            sender = given[handle] = (NearSender if near else Sender)(handle)
            sender.open()
        return sender


def ended():
    """The sender of a channel that is forgotten."""
    sender = Channel().sender
    sender.close()
    return sender


def refer(value):
    """The reference that a value goes by, None if by none."""
    global made
    if isinstance(value, Sender):
        return value.reference()
    if isinstance(value, values.Generator):
        number = next(numbers)
        generators[number] = value
        if made[0] != econtext.busy:
            made = econtext.busy, []
        made[1].append(number)
        return values.GeneratorReference(econtext.me, number)
    return None
