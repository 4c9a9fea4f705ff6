"""econtext.vectored_io: moves large frames without copying them. A context that is only called, and
answers, does not need it.

Second tier: comes with econtext.channels, and in the program of a hop's switch (children). Twin:
none; the runtimes of JavaScript do as much by themselves.
"""
import fcntl
import os
import select
import stat
import struct
import sys

from _io import FileIO

import econtext
from econtext import CONT, HEAD, MAX_FRAME, MORE, PY3, out

# Of Linux; Python has no names for them everywhere.
SO_DOMAIN = 39
F_SETPIPE_SZ = 1031

LARGE = 32768  # bytes of a frame from which on a copy costs more than one more system call
MOMENT = 10000  # microseconds that a read may wait
MAX_PARTS = 1000  # of one write: POSIX allows 1024


# -- Output: large frames are not copied -----------------------------------------------------------
def send(handle, parts):
    """Queue one message for the master. Its body is given in parts."""
    size = sum(map(len, parts))
    if size < LARGE or size > MAX_FRAME or econtext.flush is not flush:
        econtext.send(handle, b"".join(parts))
        return
    econtext.queued += size + 24
    # One entry of the queue, so that a message with `first` does not come between the parts.
    out.append((HEAD.pack(0, econtext.me, econtext.me, handle, 0, size),) + tuple(parts))
    flush()


def flush(nudge=True):
    """As the core's, but one write takes several frames.

    `rest` is the list of parts that are being written. In the queue, a frame is bytes or a tuple of
    parts.
    """
    while (out or econtext.rest) and econtext.write_lock.acquire(False):
        try:
            while out or econtext.rest:
                if not econtext.writeable.poll(0):
                    if nudge:
                        os.write(econtext.alarm, b"k")
                    return
                spend(os.writev(econtext.cout, batch()))
        except (OSError, select.error) as e:
            if e.args[0] not in econtext.BUSY:
                econtext.end()
        finally:
            econtext.write_lock.release()


def batch():
    """Return the parts to write next: as many bytes as the descriptor takes without blocking."""
    parts = econtext.rest
    size = sum(map(len, parts))
    while out and size < econtext.PIPE_BUF and len(parts) < MAX_PARTS:
        frame = out.popleft()
        for part in frame if isinstance(frame, tuple) else (frame,):
            parts.append(part)
            size += len(part)
    return list(begin(parts, econtext.PIPE_BUF))


def begin(parts, size):
    """Yield the first `size` bytes of the parts."""
    for part in parts:
        if size <= 0:
            return
        yield part if len(part) <= size else memoryview(part)[:size]
        size -= len(part)


def spend(written):
    """Take so many written bytes out of `rest`."""
    econtext.queued -= written
    parts = econtext.rest
    done = 0
    while written and len(parts[done]) <= written:
        written -= len(parts[done])
        done += 1
    del parts[:done]
    if written:
        parts[0] = memoryview(parts[0])[written:]


# -- Input: large frames are read to their place ---------------------------------------------------
head = ()  # the header of the large frame that is being read
body = None  # the body of that frame; None between large frames
got = 0  # bytes of the body that have come
limit = MAX_FRAME  # bytes that the next read takes at most
ahead = bytearray(24)  # the header of the next frame, if it came with the end of a body
inflow = None  # what takes the body instead of this module: see `divert`
core_read = econtext.read
core_feed = econtext.feed
# Reads into a buffer. Returns the number of bytes; None if nothing is there.
readinto = fill = fill_on = FileIO(econtext.cin, "rb", False).readinto
take = os.read  # reads small frames; a hop's switch has its own


def fill_more(buffer):
    """As `fill`, but up to 24 bytes more go to `ahead`. Returns the number of all bytes."""
    return os.readv(econtext.cin, (buffer, ahead))


def whole_reads():
    """Have one read do the work of several.

    A pipe gives the next header with the rest of a body. A socket gives few bytes at a time: so a
    read waits a moment until the buffer is full.
    """
    global fill, fill_on
    if not PY3:
        return
    if not stat.S_ISSOCK(os.fstat(econtext.cin).st_mode):
        if hasattr(os, "readv"):
            fill_on = fill_more
        return
    from _socket import MSG_WAITALL, SO_RCVTIMEO, SOL_SOCKET, socket

    own = socket(-1, -1, -1, os.dup(econtext.cin))
    # Deadlines and logs are late by this much at most.
    own.setsockopt(SOL_SOCKET, SO_RCVTIMEO, struct.pack("@ll", 0, MOMENT))

    def fill(buffer):
        return own.recv_into(buffer, len(buffer), MSG_WAITALL)

    fill_on = fill


def pass_on(dst, head, whole):
    """Hand on a large frame for another context. A hop's switch takes the two parts as they are."""
    econtext.forward(dst, head + bytes(whole))


def divert(head):
    """Return what takes the body of a large frame past this module, such as a SplicedFrame of
    econtext.splice; None if nothing does. Called before the body is read.
    """
    return None


def resume(rest, begun):
    """Read a frame to its end that `inflow` has begun.

    rest: the bytes that belong to this module, of which `begun` have come; None if there are none.
    """
    global inflow, body, got, limit
    inflow = None
    body = rest
    got = begun
    limit = 24


def room_for(head):
    """Return memory for the body of a frame that is a part of a message for this context.

    None if the core puts this message together. econtext.large_messages has another such function.
    """
    return None


def add_part(head, part):
    """A frame for which `room_for` gave memory is complete."""


def feed(data):
    """As the core's, but an incomplete large frame is taken out of the core's buffer."""
    global head, body, got, inflow, limit
    core_feed(data)
    rest = econtext.buf
    if len(rest) >= 24:
        head = HEAD.unpack(rest[:24])
        size = head[5] & 0xFFFFFF
        is_part = head[0] == econtext.me and head[5] >> 24 & (MORE | CONT)
        room = is_part and room_for(head)
        if room or size >= LARGE and not is_part:
            econtext.buf = b""
            got = len(rest) - 24
            begun = rest[24:]
            inflow = None if begun or room else divert(head)
            if inflow:
                begun = inflow.begin()
                if begun is None:
                    return
                inflow = None
                got = len(begun)
            body = room or bytearray(size)
            body[:got] = begun
        elif len(data) <= 24:
            # A small frame between large ones: with it, only the header of the next one is read.
            limit = size + 24


take_in = feed  # takes what came with the end of a body; a hop's switch has its own


def read(fd):
    """As the core's, but the rest of a large frame is read to its place.

    The read that follows takes one header only, because another large frame may come.
    """
    global body, got, limit
    if fd != econtext.cin:
        return core_read(fd)
    try:
        if inflow:
            return inflow.step()
        if body is None:
            size = limit
            limit = MAX_FRAME
            return take(fd, size)
        n = fill_on(memoryview(body)[got:])
    except EnvironmentError as e:
        return None if e.errno in econtext.BUSY else b""
    if n == 0:
        return b""
    got += n or 0
    if got >= len(body):
        whole = body
        body = None
        limit = 24
        dst, src, auth, handle, reply, n = head
        if dst != econtext.me:
            pass_on(dst, HEAD.pack(*head), whole)
        elif n >> 24 & (MORE | CONT):
            add_part(head, whole)
        elif not auth:
            # Channels take a bytearray. Their handles are from 2^24 on.
            econtext.deliver(handle, reply, n >> 24, whole if handle >> 24 else bytes(whole))
        if got > len(whole):
            take_in(ahead[: got - len(whole)])
    return None


# -- Larger buffers --------------------------------------------------------------------------------


def widen():
    """Let the core write more at once than POSIX promises for every descriptor."""
    enlarge(econtext.cin)
    fd = econtext.cout
    mode = os.fstat(fd).st_mode
    if "linux" in sys.platform and stat.S_ISFIFO(mode):
        with econtext.write_lock:
            # A new open file description, because other processes (the guard) share the old one.
            own = os.open("/proc/self/fd/%d" % fd, os.O_WRONLY | os.O_NONBLOCK)
            enlarge(own)
            os.dup2(own, fd)
            os.close(own)
            fcntl.fcntl(fd, fcntl.F_SETFD, 1)
        econtext.PIPE_BUF = econtext.MAX_FRAME + 24  # a whole frame
    elif "linux" in sys.platform and stat.S_ISSOCK(mode):
        import _socket

        own = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, os.dup(fd)) if PY3 else _socket.fromfd(fd, 1, 1)
        if own.getsockopt(_socket.SOL_SOCKET, SO_DOMAIN) == _socket.AF_UNIX:
            own.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 1 << 20)
            # When it polls writeable, three quarters of its buffer are free.
            econtext.PIPE_BUF = own.getsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF) * 5 // 8
        own.close()


def enlarge(fd):
    """Make a pipe as large as this system allows."""
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, 1 << 20)
    except EnvironmentError:
        pass


def keep_memory():
    """Have the C library keep freed memory for the next chunk, which the system else clears anew.

    It keeps as much as was once freed in one piece. In Python 3, this memory is never touched.
    """
    bytes(1 << 22) if PY3 else bytearray(1 << 22)


def install():
    """Replace the functions of the core that read and write. May be called twice."""
    if econtext.feed is feed:
        return
    for improve in keep_memory, widen, whole_reads:
        try:
            improve()
        except (EnvironmentError, ImportError):
            pass  # then it is slower
    with econtext.write_lock:  # no thread is writing now
        if hasattr(os, "writev"):
            econtext.install(flush=flush, rest=[econtext.rest] if econtext.rest else [])
    econtext.install(feed=feed, read=read)
    econtext.flush()
