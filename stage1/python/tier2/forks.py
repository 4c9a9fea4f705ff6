"""econtext.forks: a process that user code forks is not the slave: it prints, returns, and cannot
use the connection.

Second tier: comes with the first modules of the user, with econtext.channels and with
econtext.interruption. What the child has of the connection leads nowhere, so that nothing it does
reaches the parent's stream, and a child that outlives the slave holds no pipe open. What cannot
work there fails with an error that says so.
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
    """What is done in the child, first of all."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (econtext.cin, econtext.cout, econtext.cerr, econtext.wake, econtext.alarm, econtext.nap, econtext.bell) + econtext.streams:
        os.dup2(null, fd)
        fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    os.close(null)
    # What waits there is the parent's to write, and another thread of the parent may have the
    # locks.
    econtext.out.clear()
    econtext.calls.clear()
    econtext.rest = econtext.rest[:0]
    econtext.queued = 0
    econtext.install(send=refuse)
    for name in "interruption", "channels":
        module = sys.modules.get("econtext." + name)
        if module:
            module.in_child()


def watched(fork):
    """For a Python that has no hook: `fork`, and what is done in the child."""

    def then(*arguments):
        answer = fork(*arguments)
        if (answer[0] if isinstance(answer, tuple) else answer) == 0:
            in_child()
        return answer

    return then


installed = False


def install():
    """Watch for forks, from now on."""
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
