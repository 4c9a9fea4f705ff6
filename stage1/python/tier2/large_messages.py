"""econtext.large_messages: calls and results of many frames, without copies of them.

New memory costs more than all else that happens to a byte: the system clears it page by page. So
the raw bytes of an argument are put together in the memory that becomes the argument, and a result
is written from where it is.

Second tier: the master calls `install` before the first large call, and econtext.values comes here
with the first large result. Twin: src/protocol/partial-message.ts.
"""
import struct

from _io import BytesIO

import econtext
from econtext import CALL_FUNCTION, CONT, HEAD, MAX_FRAME, MORE

vectored_io = econtext.tier("vectored_io")

spare = bytearray(MAX_FRAME)  # a part is read into this memory; one part at a time is under way


class Head(bytes):
    """A body up to its raw bytes. These are beside it, as `parts`."""


class Gathering(object):
    """A call that comes in parts. Stands where the core has a list of the parts.

    BytesIO lets its memory grow in place, and gives it away as the bytes object that was asked for.
    """

    def __init__(self, first):
        first = first.tobytes()
        end = 5 + struct.unpack(">I", first[1:5])[0] if first[:1] == b"\0" else 0
        self.head = first[:end]
        self.memory = BytesIO()
        self.memory.write(first[end:])
        # The text that describes the values may itself be large: then there is only one piece.
        self.is_cut = 0 < end <= len(first)

    def append(self, part):
        self.memory.write(part)

    def __add__(self, last):
        """As of a list: the core joins what this returns. It has read the last part itself."""
        return [self.head, self.memory.getvalue()] + last

    def body(self):
        raw = self.memory.getvalue()
        if not self.is_cut:
            return self.head + raw
        body = Head(self.head)
        body.parts = raw
        return body


def room_for(head):
    """As of econtext.vectored_io, which this replaces."""
    _, source, authority, handle, _, word = head
    size = word & 0xFFFFFF
    if authority or size > MAX_FRAME:
        return None
    gathering = econtext.parts.get(source)
    if word >> 24 & CONT:
        is_ours = isinstance(gathering, Gathering)
    else:
        is_ours = handle == CALL_FUNCTION and gathering is None
    return memoryview(spare)[:size] if is_ours else None


def add_part(head, part):
    """As of econtext.vectored_io, which this replaces."""
    _, source, _, handle, reply, word = head
    flags = word >> 24
    if flags & CONT:
        econtext.parts[source].append(part)
    else:
        econtext.parts[source] = Gathering(part)
    if not flags & MORE:
        econtext.deliver(handle, reply, flags, econtext.parts.pop(source).body())


# -- Results ---------------------------------------------------------------------------------------
class Pieces(object):
    """A body whose pieces are not joined. `send` of the core takes it as it takes bytes.

    pieces: bytes, or memoryviews of bytes
    """

    def __init__(self, pieces):
        self.pieces = pieces

    def __len__(self):
        return sum(map(len, self.pieces))

    def __getitem__(self, where):
        """Return the part that a slice with two ends names."""
        at, stop = where.start, where.stop
        found = []
        for piece in self.pieces:
            if at < len(piece) and stop > 0:
                found.append(memoryview(piece)[max(at, 0) : stop])
            at -= len(piece)
            stop -= len(piece)
        return Pieces(found)

    def __radd__(self, head):
        """Return a frame, as `flush` of econtext.vectored_io takes it."""
        return (head,) + tuple(self.pieces)


def result(pieces):
    """Return the body of a large result."""
    vectored_io.install()
    return Pieces(pieces) if econtext.flush is vectored_io.flush else b"".join(pieces)


def install():
    """From now on, calls of many frames are put together here."""
    vectored_io.install()
    vectored_io.room_for = room_for
    vectored_io.add_part = add_part
