# The switch, part 6: relays. Context B was given a sender of context A, and both are behind this
# hop, or one is the hop itself. So what B sends goes to A from here, and A's credit goes to B.
# Spec: docs/protocol.md, "Relays". Both contexts may be hostile: nothing of theirs is believed.
WINDOW = 262144  # credit that a sender begins with
MAX_WINDOW = 4194304
OVERHEAD = 24  # bytes that each value costs beside its body
MAX_CLOSING = 1048576  # bytes of an error that closes a channel
# A value with one of these in its text may hold what has another name in each context. An escape
# may spell one of them.
TRANSLATED = b'"!h"', b'"!g"', b'"!e"', b"\\u002", b"\\u006"
FAR_SIDE_ENDED = b'"the far side ended"'

relays = {}  # (context, handle of the master): the method that takes the context's frames for it


def whole_bytes(body):
    """Return bytes or a view as bytes. (In Python 2, `bytes(view)` is its description.)"""
    return body.tobytes() if isinstance(body, memoryview) else bytes(body)


def may_be_json(body):
    """Whether `loads` reads this body as JSON. Until econtext.json_codec is there, it may not."""
    try:
        return (Options or loads.__module__ != "econtext") and loads(body)
    except Exception:
        return False


def closing_of(body):
    """Return the body of a message that closes a channel, without what a child must not say."""
    said = may_be_json(body)
    whole = isinstance(said, list) and len(said) == 3 and all([isinstance(word, (str, text)) for word in said])
    return body if whole or isinstance(said, (str, text)) else b"null"


def number_of(body):
    """Return the number that a message consists of. Raises ValueError."""
    number = int(whole_bytes(body[:16]))
    if not 0 < number < 1 << 53:
        raise ValueError("a number was expected")
    return number


def needs_master(body):
    """Whether the master has to translate a value."""
    if whole_bytes(body[:1]) == b"\0":
        body = body[5 : 5 + struct.unpack(">I", whole_bytes(body[1:5]).rjust(4, b"\0"))[0]]
    body = whole_bytes(body)
    return any([word in body for word in TRANSLATED])


class RelayedFrame(tuple):
    """A frame that `relay` has made, in parts. The relay is told how much of it was written."""

    relay = None


class Relay(object):
    """One sender of A's that was given to B."""

    reply = None  # B's handle for credit, as soon as it is known
    early = 0  # credit that came before
    farewell = None  # A's dead message, if that came before
    left = WINDOW  # credit of B's
    granted = WINDOW  # what A has allowed in all
    written = 0  # what of that was written to A
    owed = 0  # what the master has sent on the same channel, beyond A's credit
    closed = False  # by B
    refused = False  # by A
    over = False  # it has ended; what a side still says, up to its dead message, is taken here

    def __init__(self, notices, handle, source, receiver, target, credits):
        self.notices = notices  # handle of the master for events
        self.source = source  # B
        self.target = target  # A
        self.receiver = receiver  # A's handle for values
        self.keys = (source, handle), (target, credits)
        self.dead = [], []  # the bodies so far of a dead message in several frames, from either
        self.translating = False  # frames of B's go to the master until a message is whole
        # What has to keep its order: (flags, body), or [cost] of a message that the master has.
        self.line = deque()
        self.rising = [0]  # the last of these messages
        relays[self.keys[0]] = self.take_value
        relays[self.keys[1]] = self.take_credit
        for context in source, target:
            if context not in routes and context != me:
                self.sever(context)
        if target == me:
            deliver(receiver, 0, ERROR, b"")  # from now on, it sends its credit to `send_near`

    # -- From B ------------------------------------------------------------------------------------
    def take_value(self, flags, body):
        """Take a frame of B's for A. Returns whether the master shall have it."""
        if flags & DEAD:
            closing = self.join(0, flags, body)
            if closing is not None and self.over:
                self.forget(0)
            elif closing is not None and not self.closed:
                self.closed = True
                self.follow(DEAD, closing_of(closing))
            return False
        if self.reply is None and not self.closed:
            self.meet(number_of(body))
            return False
        if self.closed or self.over:
            return False
        if not flags & CONT and self.left <= 0:
            raise ValueError("a value without credit")
        cost = len(body) + OVERHEAD * (not flags & CONT)
        self.left -= cost
        if self.translating or flags & (MORE | CONT) or needs_master(body):
            if not self.translating:
                self.rising = [0]
                self.line.append(self.rising)
            self.rising[0] += cost
            self.written += cost  # the master is going to write it
            self.translating = bool(flags & MORE)
            return True
        self.follow(0, body)
        return False

    def meet(self, reply):
        self.reply = reply
        if self.early:
            self.answer(0, b"%d" % self.early)
        if self.farewell is not None:
            self.answer(DEAD, self.farewell)

    def follow(self, flags, body):
        """Send a message to A, behind those that wait for the master."""
        if self.line:
            self.line.append((flags, body))
        else:
            self.deliver(flags, body)

    def translated(self, body):
        """The master has sent the value that the others wait for, or sends it now."""
        if not self.line or not isinstance(self.line[0], list):
            raise ValueError("no value is being translated")
        [cost] = self.line.popleft()
        if body is not None:
            self.written -= cost
            self.deliver(0, body.tobytes())
        while self.line and not isinstance(self.line[0], list):
            self.deliver(*self.line.popleft())

    def inject(self, body):
        """Send a value of the master's. A has allowed B to send so much, and not the master."""
        self.owed += len(body) + OVERHEAD
        self.follow(0, body.tobytes())

    def deliver(self, flags, body):
        child = routes.get(self.target)
        if self.target == me and (flags or not self.refused):
            deliver(self.receiver, 0, flags, whole_bytes(body))
            self.written += len(body) + OVERHEAD
        elif child and (flags or not self.refused):
            frames = [RelayedFrame(frame) for frame in frames_of(self.target, self.receiver, 0, flags, body, self.source)]
            for frame in frames:
                frame.relay = self
            child.put_message(self.target, frames)
        if flags and not self.over:
            self.settle()

    # -- From A ------------------------------------------------------------------------------------
    def take_credit(self, flags, body):
        """Take a frame of A's for B: credit, or the end."""
        if flags & DEAD:
            closing = self.join(1, flags, body)
            if closing is not None and self.over:
                self.forget(1)
            elif closing is not None and not self.refused:
                self.refused = True
                self.answer(DEAD, closing_of(closing))
                self.settle()
            return False
        if self.over:
            return False
        credit = number_of(body)
        self.granted += credit
        if self.granted > self.written + 2 * MAX_WINDOW:
            raise ValueError("credit beyond the window")
        kept = min(credit, self.owed)
        self.owed -= kept
        if kept and not self.owed:
            self.notify(b"injected")
        credit -= kept
        self.left += credit
        if self.reply is None:
            self.early += credit
        elif credit:
            self.answer(0, b"%d" % credit)
        return False

    def answer(self, flags, body):
        """Send a message to B, before all that waits for it."""
        child = routes.get(self.source)
        if self.reply is None:
            self.farewell = body if flags else self.farewell
        elif self.source == me:
            deliver(self.reply, 0, flags, body)
        elif child:
            for frame in frames_of(self.source, self.reply, 0, flags, body, self.target):
                child.put_first(frame)

    # -- The end -----------------------------------------------------------------------------------
    def join(self, side, flags, body):
        """Return the body of a dead message when it is whole."""
        parts = self.dead[side]
        parts.append(whole_bytes(body))
        if sum(map(len, parts)) > MAX_CLOSING:
            raise ValueError("an error that is too long")
        if not flags & MORE:
            return b"".join(parts)

    def settle(self):
        """End the relay when both sides have closed the channel."""
        if self.closed and self.refused and not self.line:
            self.over = True
            self.forget(0)
            self.forget(1)
            self.notify(b"ended")

    def sever(self, context):
        """End the relay, because that context is gone, or has broken a rule."""
        was_over = self.over
        self.over = True
        if context == self.target:
            self.forget(1)
            self.refuse(FAR_SIDE_ENDED)
        else:
            self.forget(0)
            if not was_over and not (self.closed and not self.line):
                self.deliver(DEAD, FAR_SIDE_ENDED)
            if self.refused:
                self.forget(1)
        self.line.clear()
        if not was_over:
            self.notify(b"ended")

    def take_back(self, closing):
        """End the relay as the master wants. B is told, unless `closing` is None."""
        self.over = True
        self.forget(1)
        if closing is not None:
            self.refuse(closing.tobytes())
        else:
            self.forget(0)

    def refuse(self, closing):
        """Tell B that A takes no more."""
        if not self.refused:
            self.refused = True
            self.answer(DEAD, closing)
        if self.closed:
            self.forget(0)

    def forget(self, side):
        relays.pop(self.keys[side], None)

    def notify(self, word):
        out.extend(frames(self.notices, b'["relay","%s"]' % word))


def sever_all(contexts):
    """End the relays of contexts that are gone."""
    for (context, _), take in list(relays.items()):
        if context in contexts:
            take.__self__.sever(context)


def divert(head, body):
    """Give a frame of a child's to the relay that it is for.

    Returns whether the master shall have it. Raises ValueError if it breaks a rule.
    """
    _, source, _, handle, _, n = head
    take = relays[source, handle]
    try:
        return take(n >> 24, body)
    except ValueError:
        take.__self__.sever(source)
        raise
