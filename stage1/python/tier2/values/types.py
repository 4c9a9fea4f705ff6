"""Values that JSON has no type for: bytes, big integers, dates, sets, maps, errors, references.

Second tier: the module `econtext.values`, fetched when the first such value is met; plain JSON
never comes here. One source for Python 2.7 and 3.6 to 3.13. Imports nothing that costs: datetime
only when a date is met (a program that has one has imported it).

Spec: docs/protocol.md, "Values". Twin: src/protocol/value-encode.ts and value-decode.ts. The master
is trusted: depth and surrogates of what arrives are its own encoder's business; what leaves is
checked here as strictly as there.

The build joins the files of this folder to one module, in this order: types, encode, decode
(scripts/stage1.ts).
"""
import struct
import sys

import econtext
from econtext import Options, dumps

# No lock is taken in these, and much is done by them.
INTERRUPTIBLE = "encode", "lower", "lower_all", "lower_dict", "lower_map", "lower_bytes", "special"
MAX_DEPTH = 100
MAX_MESSAGE = 268435456
MAX_DIGITS = 4300
MAX_INT = 9007199254740991
# Milliseconds beyond which a float has no room for microseconds: they are dropped there (the years
# 1691 and 2248).
MAX_FINE = 1 << 43
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
