"""econtext.command_early: serves a command that ends at once.

Second tier: comes with econtext.commands, which has started the command. It is compiled while the
command runs. `early` is an Early of econtext.commands.
"""
import select
import struct
from _io import FileIO
from time import sleep, time

import econtext
from econtext import DEAD, os
from econtext.commands import PRINTED

PATIENCE = 0.002  # seconds that a command has to end
LESS_PATIENCE = 0.02  # the same, once it has printed something: a reader may wait for that
MOST = 65536  # bytes that it may print meanwhile
NO_CREDIT = b"1"  # a handle that nothing listens to: so little output needs no credit


def bodies(early, name):
    """What is sent to a sender of the command."""
    if name == "events":
        return [econtext.dumps([early.process.pid, None, None]).encode("utf-8")]
    data = early.printed[name]
    # As encode_bytes of econtext.values does it.
    text = b'{"!b":[0,%d]}' % len(data)
    return [struct.pack(">BI", 0, len(text)) + text + data] if data else []


def has_ended(early):
    """Whether the command ends at once, by itself. Its output is `printed` then."""
    return early.may_be_short and read(early) and wait(early)


def may_end_soon(early, until):
    """Whether the command has more time to end.

    Where many processes share the processors, it waits for one: to compile here would make it wait
    longer.
    """
    if is_doomed():
        return False
    now = time()
    return now < until or now < early.latest and is_running(early.process.pid)


def read(early):
    """Read what the command prints. Returns whether its output has ended in time."""
    until = time() + PATIENCE
    pipes = [(name, getattr(early.process, name)) for name in PRINTED]
    names = dict((pipe.fileno(), name) for name, pipe in pipes if pipe)
    poll = select.poll()
    for fd in names:
        poll.register(fd, select.POLLIN)
    goes_on = True
    while names and early.size <= MOST and goes_on:
        may_end = may_end_soon(early, until)
        ready = econtext.poll(poll, PATIENCE * 1e3 if may_end else 0)
        goes_on = ready or may_end
        for fd, _ in ready:
            chunk = os.read(fd, MOST)
            early.printed[names[fd]] += chunk
            early.size += len(chunk)
            early.latest = min(early.latest, time() + LESS_PATIENCE)
            if not chunk:
                poll.unregister(fd)
                del names[fd]
    return not names


def wait(early):
    """Wait a moment for the command's end.

    Returns whether it has ended by itself, in a call that goes on.
    """
    until = time() + PATIENCE
    while may_end_soon(early, until) and early.process.poll() is None:
        try:
            sleep(0.0001)
        except EnvironmentError:
            pass  # in Python 2, a signal ends it
    early.process.poll()
    code = early.process.returncode
    return code is not None and code >= 0 and not is_doomed()


def sweep(early):
    """End what the command has left behind.

    In so short a time, no process id was used twice: the ids of the command's processes are between
    its own and the newest.
    """
    pid = early.process.pid
    newest = econtext.tier("interruption").newest()
    if newest != pid:
        ids = range(pid + 1, newest + 1) if newest > pid else None
        econtext.tier("process_sweep").sweep_after(pid, newest, ids)


def is_doomed():
    """Whether the call that runs was cancelled. econtext.interruption ends it."""
    return econtext.doomed[0] == econtext.busy


def is_running(pid):
    """Whether a process runs, waits for a processor, or is loaded from a disk. On Linux."""
    try:
        with FileIO("/proc/%d/stat" % pid) as file:
            return file.read(256).rpartition(b")")[2][1:2] in (b"R", b"D")
    except EnvironmentError:
        return False


def conclude(options, early=None):
    """Send what the command has told and printed, and close its senders. The reply follows."""
    for name in PRINTED + ("events",):
        if name in options:
            said = bodies(early, name) if early else []
            for body in [NO_CREDIT] * bool(said) + said:
                econtext.out.extend(econtext.frames(options[name], body))
            econtext.out.extend(econtext.frames(options[name], b"null", DEAD))
