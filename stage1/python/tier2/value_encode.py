"""econtext.value_encode: from a value to a body.

Second tier: part of econtext.values, which calls it by `encode` and others. It is a module of its
own, because commands and copies of files never need it, and to compile it takes milliseconds.
Twin: src/protocol/value-encode.ts.
"""
import struct
import sys

import econtext
from econtext import PY3, dumps, text
from econtext.values import MAX_DIGITS, MAX_INT, MAX_MESSAGE, Bytes, Generator, GeneratorReference, RemoteError, SenderReference
from econtext.values import channels, integers, lone, native

# No lock is taken in these, and much is done by them.
INTERRUPTIBLE = "encode", "lower", "lower_all", "lower_dict", "lower_map", "lower_bytes", "special"
MAX_DEPTH = 100
SHOWN_SEGMENTS = 12  # of a path, in an error
# Milliseconds beyond which a float has no room for microseconds: they are dropped there (the years
# 1691 and 2248).
MAX_FINE = 1 << 43


def encode(value, root="result"):
    """The body of a value: a list of byte strings. Raises TypeError with the path of what cannot be
    sent.
    """
    if root == "result" and any([hasattr(type(value), name) for name in ("__await__", "__aiter__", "__anext__")]):
        value = econtext.tier("coroutines").result(value)
    encoder = Encoder()
    problem = None
    try:
        tree = encoder.lower(value, 0)
    except Refused as refused:
        problem = refused.explain(root)
    if problem:  # Raised here, so that Python 3 does not show where it was found.
        raise TypeError(problem)
    data = dumps(tree).encode("utf-8")
    size = len(data) + encoder.size + bool(encoder.size) * 5
    if size > MAX_MESSAGE:
        # The master would end the stream.
        raise ValueError("cannot send %s: %d bytes are over the limit of %d" % (root, size, MAX_MESSAGE))
    if not encoder.size:
        return [data]
    return [struct.pack(">BI", 0, len(data)) + data] + encoder.parts


class Refused(Exception):
    """Raised where it is found; on its way out, each container adds itself and the key that leads
    on.
    """

    def __init__(self, problem):
        self.problem = problem
        self.trail = []

    def explain(self, root):
        trail = self.trail[::-1]
        # A cycle shows as a container that is its own ancestor: the path ends where it comes round
        # for the first time.
        ancestors = [id(container) for container, _ in trail]
        for i, this in enumerate(ancestors):
            if this in ancestors[:i]:
                self.problem = "it contains itself"
                del trail[i:]
                break
        path = [spell(key) for _, key in trail]
        if len(path) > SHOWN_SEGMENTS:  # what follows the path must be seen
            path[SHOWN_SEGMENTS - 1 : -1] = ["..."]
        return "cannot send %s: %s" % (root + "".join(path), self.problem)


def spell(key):
    """The part of a path that a position or a member's name makes."""
    if isinstance(key, int):
        return "[%d]" % key
    if key.replace("_", "a").isalnum() and not key[:1].isdigit():
        return "." + key
    return "[%s]" % dumps(key)


def refer(value):
    """The reference that an object goes by, None if by none. Only a generator can be the first that
    has one.
    """
    known = isinstance(value, Generator) or "econtext.channels" in sys.modules
    return channels().refer(value) if known else None


class Encoder(object):
    """One encoding under way: copies the value into a tree of what JSON can write, and collects the
    raw parts.
    """

    def __init__(self):
        self.parts = []
        self.size = 0

    def lower(self, value, depth):
        """What JSON can write for a value that stands inside of `depth` brackets."""
        if value is None or value is True or value is False:
            return value
        if isinstance(value, text):
            return well_formed(value)
        if isinstance(value, integers):
            value = int(value)  # what an IntEnum, say, stands for
            if -MAX_INT <= value <= MAX_INT:
                return value
            return self.special("!i", spell_integer(value), depth, 1)
        if isinstance(value, float):
            value = float(value)
            if value - value == 0:
                return value
            return self.special("!f", "nan" if value != value else "inf" if value > 0 else "-inf", depth, 1)
        if isinstance(value, (list, tuple)):
            return self.lower_all(value, value, enter(depth, 1))
        if isinstance(value, dict):
            return self.lower_dict(value, depth)
        if isinstance(value, native):
            string = None if isinstance(value, Bytes) else text_of(value)
            if string is not None:
                return string
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self.lower_bytes(value, depth)
        if isinstance(value, (set, frozenset)):
            return self.special("!s", self.lower_all(value, value, enter(depth, 2)), depth, 2)
        if isinstance(value, SenderReference):
            return self.special("!h", list(value.fields), depth, 2)
        if isinstance(value, GeneratorReference):
            return self.special("!g", list(value.fields), depth, 2)
        if isinstance(value, BaseException):
            return self.special("!e", describe(value), depth, 2)
        datetime = sys.modules.get("datetime")
        if datetime and isinstance(value, datetime.datetime):
            try:
                return self.special("!d", milliseconds(value, datetime), depth, 1)
            except (ValueError, OverflowError, OSError) as e:
                raise Refused("a datetime without a point in time (%s)" % e)
        reference = refer(value)
        if reference is None:
            kind = econtext.tier("failures").type_name(type(value))
            # A range, a view of a dict, a deque.
            advice = " (list(...) of it can be sent)" if hasattr(type(value), "__iter__") else ""
            raise Refused(("an " if kind[:1].lower() in "aeiou" else "a ") + kind + advice)
        return self.lower(reference, depth)

    def lower_all(self, container, items, inner):
        out = []
        try:
            for item in items:
                out.append(self.lower(item, inner))
        except Refused as refused:
            refused.trail.append((container, len(out)))
            raise
        return out

    def lower_dict(self, value, depth):
        names = [key if isinstance(key, text) else text_of(key) for key in value]
        if None in names:
            return self.lower_map(value, depth)
        special = len(names) == 1 and names[0][:1] == "!"
        inner = enter(depth, 3 if special else 1)
        out = {}
        name = None
        try:
            for name, item in zip(names, value.values()):
                out[well_formed(name)] = self.lower(item, inner)
        except Refused as refused:
            refused.trail.append((value, name))
            raise
        return self.special("!o", [[name, out[name]]], depth, 3) if special else out

    def lower_map(self, value, depth):
        inner = enter(depth, 3)
        out = []
        try:
            for pair in value.items():
                out.append(self.lower_all(pair, pair, inner))
        except Refused as refused:
            refused.trail.append((value, len(out)))
            raise
        return self.special("!m", out, depth, 3)

    def lower_bytes(self, value, depth):
        # bytes are kept as they are; what can change before it is written is copied.
        value = value if isinstance(value, bytes) else memoryview(value).tobytes()
        offset = self.size
        if value:
            self.parts.append(value)
            self.size += len(value)
        return self.special("!b", [offset, len(value)], depth, 2)

    def special(self, tag, content, depth, brackets):
        enter(depth, brackets)
        return {tag: content}


def enter(depth, brackets):
    """The depth inside of so many more brackets."""
    if depth + brackets > MAX_DEPTH:
        raise Refused("nested deeper than %d" % MAX_DEPTH)
    return depth + brackets


def is_well_formed(value):
    try:
        return not lone(text.encode(value, "utf-8"))
    except UnicodeError:
        return False


def well_formed(value):
    if not is_well_formed(value):
        raise Refused("text with a lone surrogate")
    return value


def text_of(value):
    """Python 2.7: the text that a str is, None if it is bytes. Python 3: None."""
    if isinstance(value, native) and not isinstance(value, Bytes) and not lone(value):
        try:
            return value.decode("utf-8")
        except UnicodeError:
            pass
    return None


def spell_integer(value):
    try:
        digits = "%d" % value
    except ValueError:  # Python 3.11 and later, by its own limit
        digits = ""
    if not 0 < len(digits.lstrip("-")) <= MAX_DIGITS:
        raise Refused("an integer of more than %d digits" % MAX_DIGITS)
    return digits


def milliseconds(value, datetime):
    """Since 1970; with a fraction where a float has room for it."""
    whole = value.replace(microsecond=0)
    offset = value.utcoffset()
    if offset is None:
        offset = local_offset(whole, datetime)
    delta = whole.replace(tzinfo=None) - datetime.datetime(1970, 1, 1) - offset
    ms, us = divmod(delta.microseconds + value.microsecond, 1000)
    ms += (delta.days * 86400 + delta.seconds) * 1000
    return ms + us / 1000.0 if us and -MAX_FINE < ms < MAX_FINE else ms


def local_offset(value, datetime):
    """How far the clock of this machine is ahead of UTC when it shows `value`. What it shows twice,
    when it is put back, is the earlier of both, or what `fold` says; what it never shows counts as
    if it were not put forward.
    """
    import time

    epoch = datetime.datetime(1970, 1, 1)
    naive = value.replace(tzinfo=None)
    if PY3:
        try:
            return naive - epoch - datetime.timedelta(seconds=naive.timestamp())
        except (ValueError, OverflowError):
            pass  # the first and the last day there are: it looks at the days beside them
    shown = (naive - epoch).days * 86400 + (naive - epoch).seconds

    # Not mktime: Python 2.7 takes the years up to 68 for those from 2000 on, and refuses others
    # before 1900.
    def offset_at(seconds):
        local = datetime.datetime(*time.localtime(seconds)[:6]) - epoch
        return local.days * 86400 + local.seconds - seconds

    found = []
    for day in -86400, 86400:
        try:
            found.append(offset_at(shown + day))
            if offset_at(shown - found[-1]) == found[-1]:
                return datetime.timedelta(seconds=found[-1])
        except (ValueError, OverflowError):
            pass
    if not found:
        raise ValueError("the clock of this machine never shows it")
    return datetime.timedelta(seconds=found[0])


def describe(error):
    """Type, message and traceback of an exception, as text. Never fails: an error must not fail to
    be told.
    """
    failures = econtext.tier("failures")
    if issubclass(type(error), RemoteError):
        return [failures.plain_text(t) or failures.message_of(t) for t in (error.type, error.message, error.traceback)]
    # In Python 2 only the handler of an error knows where it was raised.
    raised = failures.attempt(getattr, error, "__traceback__") or sys.exc_info()[1] is error and sys.exc_info()[2]
    texts = failures.describe(type(error), error, raised or None)
    return texts if raised else texts[:2] + [text()]
