"""econtext.splice: bytes go between the stream and a command's pipes without coming through here.
Linux, from Python 3.10 on.

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
pours = bool(splice and FIONREAD)

NAP = 0.0003  # seconds: what comes meanwhile costs one turn instead of many
PATIENCE = 64  # naps, of a frame that does not come, or for which there is no room
ENOUGH = 65536  # so much at once: more is there, or will be
ROOM_SECONDS = 0.05  # for a frame that has begun: until it is written, no call can be interrupted


# -- From a pipe into the stream -------------------------------------------------------------------
def in_pipe(fd):
    """How many bytes wait in this pipe, where they could be sent without coming through here; else
    0.
    """
    if not pours or econtext.flush is not vectored_io.flush or not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return 0
    return struct.unpack("i", fcntl.ioctl(fd, FIONREAD, b"\0\0\0\0"))[0]


def pour(handle, head, fd, size):
    """Send a body that begins with `head` and goes on with `size` bytes that wait in a pipe; False,
    and nothing is sent, if not at once. What finds no room soon is read after all, and waits like
    everything else.
    """
    global pours
    if econtext.out or econtext.rest or not econtext.write_lock.acquire(False):
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
                    pours = False  # not here; another fault shows when the rest is written
                    break
        if size:
            econtext.rest.append(os.read(fd, size))
            econtext.queued += size
    except (OSError, select.error):
        econtext.end()
    finally:
        econtext.write_lock.release()
    # Others found the lock taken.
    econtext.flush()
    return True


# -- From the stream into a pipe -------------------------------------------------------------------
class SplicedFrame(object):
    """A large frame of bytes for a channel whose receiver has a `sink`: what has a `fill`. Its body
    has not been read yet.
    """

    def __init__(self, receiver, size):
        self.receiver = receiver
        self.size = self.left = size  # of the body; of the bytes in it
        self.idle = 0

    def begin(self):
        """Read what stands before the bytes. None, or what was read, if it was something else."""
        expected = head_of(self.size)
        found = bytearray(len(expected))
        n = readable.poll(0) and vectored_io.fill(memoryview(found)) or 0
        if found != expected:
            return found[:n]
        self.left -= n

    def step(self):
        """Move what is there. None; at the end of the stream b""."""
        sink = self.receiver.sink
        moved = sink and sink.fill(econtext.cin, self.left)
        if moved == 0:
            return b""
        self.idle = 0 if moved else self.idle + 1
        self.left -= moved or 0
        if not self.left:
            self.receiver.skip(self.size + channels.OVERHEAD)
            vectored_io.resume(None, 0)
        elif moved is None and self.idle > PATIENCE or not sink:
            # It is full, or not ours any more: the rest is read, and waits.
            head = values.bytes_head(self.left)
            rest = bytearray(len(head) + self.left)
            rest[: len(head)] = head
            self.receiver.skip(self.size - len(rest))
            vectored_io.resume(rest, len(head))
        elif (moved or 0) < ENOUGH:
            sleep(NAP)
        return None


def head_of(size):
    """What a body of so many bytes begins with, if it is nothing but a value of bytes."""
    least = len(values.bytes_head(0))
    for digits in range(8):
        head = values.bytes_head(max(0, size - least - digits))
        if len(head) == least + digits:
            return head


def divert(head):
    """What takes the body of this frame on its way; None: it is to be read. Asked when nothing of
    it was.
    """
    dst, _, auth, handle, _, n = head
    receiver = getattr(econtext.handlers.get(handle), "__self__", None)
    sink = getattr(receiver, "sink", None)
    if dst != econtext.me or auth or not sink or not receiver.credits or not is_idle(sink):
        return None
    return SplicedFrame(receiver, n & 0xFFFFFF)


def is_idle(sink):
    """Whether nothing waits to be written to the sink. If it was so before, wait for it a moment.

    What is read once is copied twice, and takes two threads. So it is better to wait than to read
    frame after frame only because the command was late once.
    """
    for _ in range(PATIENCE if sink.is_prompt else 1):
        sink.is_prompt = sink.idle()
        if sink.is_prompt:
            break
        sleep(NAP)
    return sink.is_prompt


def move(stream, pipe, size):
    """Move at most so many bytes: how many; 0 at the end; None: now there are none, or there is no
    room.
    """
    total = 0
    try:
        while total < size:
            n = splice(stream, pipe, size - total, flags=os.SPLICE_F_NONBLOCK)
            if n == 0:
                return total
            total += n
    except OSError:
        pass  # the thread that reads it by itself finds what else is wrong
    return total or None


readable = select.poll()
readable.register(econtext.cin, select.POLLIN)


def install():
    """From now on, large frames of bytes may go past us."""
    if splice:
        vectored_io.divert = divert
