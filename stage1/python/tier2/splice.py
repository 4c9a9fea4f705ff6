"""econtext.splice: zero copy between the stream and a command's pipes, by splice(2).

Linux, from Python 3.10 on. Elsewhere, the bytes are read and written.

Second tier: comes with econtext.commands. Twin: src/io/splice-pipe.ts.
"""
import fcntl
import os
import select
import stat
import struct
from time import sleep, time

import econtext
from econtext import BUSY, HEAD

try:
    from termios import FIONREAD
except ImportError:
    FIONREAD = None  # Debian's minimal Python

values = econtext.tier("values")
vectored_io = econtext.tier("vectored_io")
channels = values.channels()

splice = getattr(os, "splice", None)
can_splice = bool(splice)

NAP = 0.0003  # seconds: what comes meanwhile costs one turn instead of many
PATIENCE = 64  # naps, of a frame that does not come, or for which there is no room
ENOUGH = 65536  # bytes of one splice from which on no nap is due: more is there, or comes soon
# How long a frame that has begun waits for room. Until it is written, no call can be interrupted.
ROOM_SECONDS = 0.05


# -- From a pipe into the stream -------------------------------------------------------------------
def in_pipe(fd):
    """Return how many bytes wait in a pipe that can be spliced; 0 for another descriptor."""
    if not can_splice or not FIONREAD or econtext.flush is not vectored_io.flush:
        return 0
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return 0
    return struct.unpack("i", fcntl.ioctl(fd, FIONREAD, b"\0\0\0\0"))[0]


def splice_out(handle, head, fd, size):
    """Send a body: `head`, then `size` bytes that wait in a pipe.

    Returns False, and sends nothing, if the stream is not free. Bytes that find no room in time are
    read, and wait in the queue like all others.
    """
    global can_splice
    if not can_splice or econtext.out or econtext.rest or not econtext.write_lock.acquire(False):
        return False
    try:
        if econtext.out or econtext.rest or not econtext.writeable.poll(0):
            return False
        os.write(econtext.cout, HEAD.pack(0, econtext.me, econtext.me, handle, 0, len(head) + size) + head)
        until = time() + ROOM_SECONDS
        while size and time() < until and econtext.writeable.poll(ROOM_SECONDS * 1e3):
            try:
                size -= splice(fd, econtext.cout, min(size, econtext.PIPE_BUF), flags=os.SPLICE_F_NONBLOCK)
            except OSError as e:
                if e.errno not in BUSY:
                    can_splice = False  # any other fault shows in the next write
                    break
        if size:
            econtext.rest.append(os.read(fd, size))
            econtext.queued += size
    except (OSError, select.error):
        econtext.end()
    finally:
        econtext.write_lock.release()
    # Other threads found the lock taken, and left their frames in the queue.
    econtext.flush()
    return True


# -- From the stream into a pipe -------------------------------------------------------------------
class SplicedFrame(object):
    """A large frame of bytes that goes to the `sink` of its receiver. Its body is not read yet.

    sink: an object with `splice`, such as Input of econtext.command_pipes
    """

    def __init__(self, receiver, size):
        self.receiver = receiver
        self.size = self.left = size  # bytes of the body, and those of them that are to come
        self.idle = 0  # naps in a row

    def begin(self):
        """Read the head of the value.

        Returns None if the value is nothing but bytes; otherwise what was read of the body.
        """
        expected = head_of(self.size)
        found = bytearray(len(expected))
        n = readable.poll(0) and vectored_io.fill(memoryview(found)) or 0
        if found != expected:
            return found[:n]
        self.left -= n

    def step(self):
        """Move what is there. As `read` of the core: returns b"" at the end of the stream."""
        sink = self.receiver.sink
        moved = sink and sink.splice(econtext.cin, self.left)
        if moved == 0:
            return b""
        self.idle = 0 if moved else self.idle + 1
        self.left -= moved or 0
        if not self.left:
            self.receiver.skip(self.size + channels.OVERHEAD)
            vectored_io.resume(None, 0)
        elif moved is None and self.idle > PATIENCE or not sink:
            # The sink is full, or was taken away. The rest is read, and waits in the receiver.
            head = values.bytes_head(self.left)
            rest = bytearray(len(head) + self.left)
            rest[: len(head)] = head
            self.receiver.skip(self.size - len(rest))
            vectored_io.resume(rest, len(head))
        elif (moved or 0) < ENOUGH:
            sleep(NAP)
        return None


def head_of(size):
    """Return the head of a body of so many bytes whose value is nothing but bytes."""
    least = len(values.bytes_head(0))
    for digits in range(8):
        head = values.bytes_head(max(0, size - least - digits))
        if len(head) == least + digits:
            return head


def divert(head):
    """As of econtext.vectored_io, which this replaces."""
    dst, _, auth, handle, _, n = head
    receiver = getattr(econtext.handlers.get(handle), "__self__", None)
    sink = getattr(receiver, "sink", None)
    if dst != econtext.me or auth or not sink or not receiver.credits or not is_idle(sink):
        return None
    return SplicedFrame(receiver, n & 0xFFFFFF)


def is_idle(sink):
    """Return whether nothing waits to be written to the sink. Wait a moment for a prompt sink.

    Bytes that are read are copied twice, and need two threads. Without this wait, a command that is
    late once would have all later frames read, too.
    """
    for _ in range(PATIENCE if sink.is_prompt else 1):
        sink.is_prompt = sink.idle()
        if sink.is_prompt:
            break
        sleep(NAP)
    return sink.is_prompt


def splice_in(stream, pipe, size):
    """Move at most so many bytes.

    Returns how many; 0 at the end; None if no byte is there now, or the pipe is full.
    """
    total = 0
    try:
        while total < size:
            n = splice(stream, pipe, size - total, flags=os.SPLICE_F_NONBLOCK)
            if n == 0:
                return total
            total += n
    except OSError:
        pass  # nothing to move; the next read finds any other fault
    return total or None


readable = select.poll()
readable.register(econtext.cin, select.POLLIN)


def install():
    """From now on, large frames of bytes are spliced."""
    if splice:
        vectored_io.divert = divert
