"""econtext.bulk: what makes the stream fast for much, which is of no use to a context that is called and answers.

Second tier: comes with econtext.channels. Twin: none; the runtimes of JavaScript do as much by themselves.
"""
import fcntl
import os
import stat
import sys

import econtext
from econtext import PY3

# Of Linux; Python has no names for them everywhere.
SO_DOMAIN = 39
F_SETPIPE_SZ = 1031


def widen():
    """Let the core write more at once than the little that every descriptor takes without blocking."""
    enlarge(econtext.cin)
    fd = econtext.cout
    mode = os.fstat(fd).st_mode
    if "linux" in sys.platform and stat.S_ISFIFO(mode):
        with econtext.write_lock:
            # A description of our own: others, the guard among them, may share the one that we were given.
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


# When so much was freed once, the C library keeps as much for the next time; or each chunk would be given back, and cleared anew.
bytearray(1 << 22)
try:
    widen()
except (EnvironmentError, ImportError):
    pass  # then it is slower
econtext.flush()
