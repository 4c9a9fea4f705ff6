"""econtext.vectored_io: what makes the stream fast for much, which is of no use to a context that
is called and answers.

Second tier: comes with econtext.channels. Twin: none; the runtimes of JavaScript do as much by
themselves.
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

LARGE = 32768  # from here on, a copy costs more than one more system call
MOMENT = 10000  # microseconds
MAX_PARTS = 1000  # of one write: POSIX allows 1024


# -- Output: what is large is never copied ---------------------------------------------------------
def send(handle, parts):
    """Queue one message for the master: a body in parts."""
    size = sum(map(len, parts))
    if size < LARGE or size > MAX_FRAME or econtext.flush is not flush:
        econtext.send(handle, b"".join(parts))
        return
    econtext.queued += size + 24
    # One entry: what is put before all that waits must not come into the middle.
    out.append((HEAD.pack(0, econtext.me, econtext.me, handle, 0, size),) + tuple(parts))
    flush()


def flush(nudge=True):
    """As the core's, but several frames go in one write: `rest` is a list of their parts, and a
    frame may wait as a tuple of its.
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
    """What to write next: as much of what waits as the descriptor takes without blocking."""
    parts = econtext.rest
    size = sum(map(len, parts))
    while out and size < econtext.PIPE_BUF and len(parts) < MAX_PARTS:
        frame = out.popleft()
        for part in frame if isinstance(frame, tuple) else (frame,):
            parts.append(part)
            size += len(part)
    return list(begin(parts, econtext.PIPE_BUF))


def begin(parts, size):
    """The first `size` bytes of them."""
    for part in parts:
        if size <= 0:
            return
        yield part if len(part) <= size else memoryview(part)[:size]
        size -= len(part)


def spend(written):
    """So much of `rest` is written."""
    econtext.queued -= written
    parts = econtext.rest
    done = 0
    while written and len(parts[done]) <= written:
        written -= len(parts[done])
        done += 1
    del parts[:done]
    if written:
        parts[0] = memoryview(parts[0])[written:]


# -- Input: what is large is read to where it stays ------------------------------------------------
head = ()  # of a large frame that has begun
body = None  # of it, as far as it has come
got = 0
limit = MAX_FRAME  # of the next read
inflow = None  # what takes it instead, past us
core_read = econtext.read
core_feed = econtext.feed
# Fills a buffer as far as it can; None: nothing is there.
fill = FileIO(econtext.cin, "rb", False).readinto


def whole_reads():
    """Where the stream is a socket, let a read wait a moment until all has come that was asked for:
    it comes by the crumb.
    """
    global fill
    if not PY3 or not stat.S_ISSOCK(os.fstat(econtext.cin).st_mode):
        return
    from _socket import MSG_WAITALL, SO_RCVTIMEO, SOL_SOCKET, socket

    own = socket(-1, -1, -1, os.dup(econtext.cin))
    # What else is to be done while the stream is read (deadlines, logs) is done so much later at
    # most.
    own.setsockopt(SOL_SOCKET, SO_RCVTIMEO, struct.pack("@ll", 0, MOMENT))

    def fill(buffer):
        return own.recv_into(buffer, len(buffer), MSG_WAITALL)


def pass_on(dst, head, whole):
    """Hand on a large frame for another context. A hop's switch takes the two parts as they are."""
    econtext.forward(dst, head + bytes(whole))


def divert(head):
    """Return what takes the body of a large frame past this module, such as a SplicedFrame of
    econtext.splice; None if nothing does. Called before the body is read.
    """
    return None


def resume(rest, begun):
    """Take over again what has a part of a frame, or all of it."""
    global inflow, body, got, limit
    inflow = None
    body = rest
    got = begun
    limit = 24


def feed(data):
    """As the core's; but a large frame that is not complete is not kept by it."""
    global head, body, got, inflow
    core_feed(data)
    rest = econtext.buf
    if len(rest) >= 24:
        head = HEAD.unpack(rest[:24])
        size = head[5] & 0xFFFFFF
        if size >= LARGE and (head[0] != econtext.me or not head[5] >> 24 & (MORE | CONT)):
            econtext.buf = b""
            got = len(rest) - 24
            begun = rest[24:]
            inflow = None if begun else divert(head)
            if inflow:
                begun = inflow.begin()
                if begun is None:
                    return
                inflow = None
                got = len(begun)
            body = bytearray(size)
            body[:got] = begun


def read(fd):
    """As the core's; but what is missing of a large frame goes to its place, and behind it no more
    than the next head is read.
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
            return os.read(fd, size)
        n = fill(memoryview(body)[got:])
    except EnvironmentError as e:
        return None if e.errno in econtext.BUSY else b""
    if n == 0:
        return b""
    got += n or 0
    if got == len(body):
        whole = body
        body = None
        limit = 24
        dst, src, auth, handle, reply, n = head
        if dst != econtext.me:
            pass_on(dst, HEAD.pack(*head), whole)
        elif not auth:
            # A channel takes it as it is.
            econtext.deliver(handle, reply, n >> 24, whole if handle >> 24 else bytes(whole))
    return None


# -- Larger buffers --------------------------------------------------------------------------------


def widen():
    """Let the core write more at once than every descriptor takes without blocking."""
    enlarge(econtext.cin)
    fd = econtext.cout
    mode = os.fstat(fd).st_mode
    if "linux" in sys.platform and stat.S_ISFIFO(mode):
        with econtext.write_lock:
            # A description of our own: others, the guard among them, may share the one that we were
            # given.
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
    """Make a pipe as large as this system lets us."""
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, 1 << 20)
    except EnvironmentError:
        pass


def keep_memory():
    """Let the C library keep freed memory for the next chunk: the system would have to clear it
    anew.

    It keeps as much as was freed at once before. Python 3 gets these bytes zeroed and untouched.
    """
    bytes(1 << 22) if PY3 else bytearray(1 << 22)


def install():
    """Take the place of the core's reading and writing, once."""
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
