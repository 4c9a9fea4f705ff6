"""Values that JSON has no type for: bytes, big integers, dates, sets, maps, errors, references.

Second tier: the module `econtext.values`, fetched when the first such value is met; plain JSON
never comes here. One source for Python 2.7 and 3.6 to 3.13. Imports nothing that costs: datetime
only when a date is met (a program that has one has imported it).

Spec: docs/protocol.md, "Values". Twin: src/protocol/value-encode.ts and value-decode.ts. The master
is trusted: depth and surrogates of what arrives are its own encoder's business; what leaves is
checked here as strictly as there.

The build joins the files of this folder to one module, in this order: types, decode
(scripts/stage1.ts). Encoding is econtext.value_encode's, which most commands do not need: it is not
sent along.
"""
import struct
import sys

import econtext
from econtext import Options

MAX_MESSAGE = 268435456
# Bytes of a body from which on another module is worth its way. Twin: LARGE_CALL_BYTES.
LARGE = 4194304
MAX_DIGITS = 4300
MAX_INT = 9007199254740991
PY3 = sys.version_info[0] > 2
text = type(u"")
Generator = type(_ for _ in ())

if PY3:
    Bytes = bytes
    integers = int
    native = ()
else:
    native = str
    integers = (int, long)  # noqa: F821

    class Bytes(str):
        """A str that arrived as bytes, so that it goes back as bytes even if it could be text."""


class RemoteError(Exception):
    """An exception of another context, as a value."""

    def __init__(self, type, message, traceback):
        Exception.__init__(self, type, message, traceback)
        self.type = type
        self.message = message
        self.traceback = traceback

    def __str__(self):
        return "%s: %s" % (self.type, self.message)


class Reference(object):
    """Equal to another that says the same."""

    def __init__(self, *fields):
        self.fields = fields

    def __eq__(self, other):
        return type(self) is type(other) and self.fields == other.fields

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(self.fields)

    def __repr__(self):
        return "%s%r" % (type(self).__name__, self.fields)


class SenderReference(Reference):
    """Names a handle in a context, to send to."""

    id = property(lambda self: self.fields[0])
    handle = property(lambda self: self.fields[1])


class GeneratorReference(Reference):
    """Names a generator that a context keeps until it is iterated."""

    id = property(lambda self: self.fields[0])
    handle = property(lambda self: self.fields[1])


def encode(value, root="result"):
    """The body of a value: a list of byte strings. Raises TypeError with the path of what cannot be
    sent.
    """
    global encode
    encode = econtext.tier("value_encode").encode
    return encode(value, root)


def body(value):
    """The body of a result: bytes, or what the core sends as it sends bytes."""
    parts = encode(value)
    if sum(map(len, parts)) < LARGE:
        return b"".join(parts)
    return econtext.tier("large_messages").result(parts)


def encode_bytes(data):
    """The body of some bytes, in parts: with fewer copies than `encode` makes."""
    return bytes_head(len(data)), data


def bytes_head(size):
    """What comes before so many bytes, in the body that is their value."""
    text = b'{"!b":[0,%d]}' % size
    return struct.pack(">BI", 0, len(text)) + text


def channels():
    """What knows of senders and generators."""
    # Bound by us: Python 2 does not find it with `from econtext import channels` if it is there
    # already.
    econtext.channels = econtext.tier("channels")
    return econtext.channels


def lone(data):
    """Whether UTF-8 made or taken by Python 2.7 has a surrogate in it: ED is only followed by 80 to
    9F otherwise.
    """
    return not PY3 and any(rest[:1] >= b"\xa0" for rest in data.split(b"\xed")[1:])
