"""econtext.forks: keeps a process that user code forks away from the connection.

Second tier: comes with the first modules of the user, with econtext.channels and with
econtext.interruption. In the forked process, the descriptors of the connection lead to /dev/null.
So nothing that it does reaches the stream, and it holds no pipe open when it outlives the slave.
What needs the connection fails there with an error that says so.
"""
import fcntl
import os
import sys

import econtext


class Forked(RuntimeError):
    """A forked process did what only the process that forked it can do."""


def problem():
    return "process %d was forked from the context %s, process %d, which alone can use the connection" % (
        os.getpid(),
        econtext.name,
        econtext.pid,
    )


def refuse(*_):
    raise Forked(problem())


def in_child():
    """Cut the connection. Runs in the forked process before user code does."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (econtext.cin, econtext.cout, econtext.cerr, econtext.wake, econtext.alarm, econtext.nap, econtext.bell) + econtext.streams:
        os.dup2(null, fd)
        fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    os.close(null)
    # The parent writes what waits. Its other threads may hold the locks.
    econtext.out.clear()
    econtext.replies.clear()
    econtext.calls.clear()
    econtext.rest = econtext.rest[:0]
    econtext.queued = 0
    econtext.install(send=refuse)
    for name in "interruption", "channels":
        module = sys.modules.get("econtext." + name)
        if module:
            module.in_child()


def watched(fork):
    """Return a function that calls `fork` and cuts the connection, for a Python without a hook."""

    def then(*arguments):
        answer = fork(*arguments)
        if (answer[0] if isinstance(answer, tuple) else answer) == 0:
            in_child()
        return answer

    return then


installed = False


def install():
    """Have every later fork cut the connection. May be called twice."""
    global installed
    if installed:
        return
    installed = True
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_child)
        return
    for name in "fork", "forkpty":
        if hasattr(os, name):
            setattr(os, name, watched(getattr(os, name)))
