"""econtext.commands: runs a command without a shell. This module starts the command, and serves it
if it ends at once. econtext.command_loop serves all other commands.

Second tier. Twins: stage1/javascript/tier2/commands.js, src/commands/remote-process.ts. Spec:
docs/protocol.md, "Commands".

The modules that serve a long command, or interrupt it, take longer to compile than `true` takes to
run. So they are compiled while the command runs, or not at all.
"""
import select
import struct
import sys
from _io import FileIO
from time import sleep, time

import econtext
from econtext import DEAD, os, signal

# What a command may need. sent along: process_sweep, interruption, command_loop
command_process = econtext.tier("command_process")

PATIENCE = 0.002  # seconds that a command has to end
MORE_PATIENCE = 0.1  # the same, while the command needs a processor
LESS_PATIENCE = 0.02  # the same, once it has printed something: a reader may wait for that
MOST = 65536  # bytes that it may print meanwhile
PRINTED = "stdout", "stderr"
NO_CREDIT = b"1"  # a handle that nothing listens to: so little output needs no credit


def run(argv, options):
    """Run `argv` to its end. Returns {"status": N}; {"status": 128 + N, "signal": NAME} if a signal
    ended it; {"status": 127 or 126, "problem": TEXT} if it could not be started.
    """
    options = dict(item for item in options.items() if item[1] is not None)
    began = time()
    result, early = start(argv, options)
    if result:
        return result
    interruption = econtext.tier("interruption")
    interruption.deaf = econtext.busy  # a signal to our process group is the command's meanwhile
    serve = econtext.tier("command_loop").run
    if interruption.served == econtext.busy:
        return serve(argv, options, early)
    newest = early.process.pid - 1 if early else interruption.newest()
    return interruption.serve((began, newest), 0, serve, argv, options, early)


def start(argv, options):
    """Start a command. Returns its result, if it has ended at once; and the command, or None."""
    if not (command_process.can_start(options) and command_process.hears_children()):
        return None, None
    # A signal to our process group is the command's meanwhile. A handler of user code stays.
    is_ours = signal.getsignal(signal.SIGINT) is econtext.on_interrupt
    if is_ours:
        signal.signal(signal.SIGINT, command_process.hear)
    elif "econtext.interruption" in sys.modules:
        econtext.tier("interruption").deaf = econtext.busy
    try:
        early = Early(argv, options)
        if not early.has_ended():
            return None, early
        early.process.close()
        if "sweep" in options:
            early.sweep()
        conclude(options, early)
        return {"status": early.process.returncode}, early
    except EnvironmentError as e:
        conclude(options)
        return command_process.refusal(e), None
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, econtext.on_interrupt)


class Early(object):
    """A command that was started before the modules that serve it are there."""

    size = 0  # bytes of what it has printed

    def __init__(self, argv, options):
        self.is_fed = options.get("stdin")  # by the master; `head` alone is all there
        self.rest = options.get("head", b"")  # of `head`, what the command's pipe had no room for
        self.may_be_short = not self.rest  # a script is not that short
        if self.rest:
            options["stdin"] = True
        self.process = command_process.start(argv, options)
        self.latest = time() + MORE_PATIENCE
        self.printed = dict((name, b"") for name in PRINTED)
        if self.rest:
            self.feed(self.process.stdin.fileno())

    def feed(self, fd):
        """Write what the pipe takes at once."""
        command_process.prepare(fd)
        try:
            self.rest = self.rest[os.write(fd, self.rest) :]
        except EnvironmentError as e:
            if e.errno not in econtext.BUSY:
                self.rest = b""  # the command has closed its input
        if not self.rest and not self.is_fed:
            self.process.stdin.close()

    def bodies(self, name):
        """What is sent to a sender of the command."""
        if name == "events":
            return [econtext.dumps([self.process.pid, None, None]).encode("utf-8")]
        data = self.printed[name]
        # As encode_bytes of econtext.values does it.
        text = b'{"!b":[0,%d]}' % len(data)
        return [struct.pack(">BI", 0, len(text)) + text + data] if data else []

    def has_ended(self):
        """Whether the command ends at once, by itself. Its output is `printed` then."""
        return self.may_be_short and self.read() and self.wait()

    def may_end_soon(self, until):
        """Whether it has more time to end. Where many processes share the processors, it waits for
        one: to compile here would make it wait longer.
        """
        if is_doomed():
            return False
        now = time()
        return now < until or now < self.latest and is_running(self.process.pid)

    def read(self):
        """Read what it prints. Returns whether its output has ended in time."""
        until = time() + PATIENCE
        pipes = [(name, getattr(self.process, name)) for name in PRINTED]
        names = dict((pipe.fileno(), name) for name, pipe in pipes if pipe)
        poll = select.poll()
        for fd in names:
            poll.register(fd, select.POLLIN)
        goes_on = True
        while names and self.size <= MOST and goes_on:
            may_end = self.may_end_soon(until)
            ready = poll.poll(PATIENCE * 1e3 if may_end else 0)
            goes_on = ready or may_end
            for fd, _ in ready:
                chunk = os.read(fd, MOST)
                self.printed[names[fd]] += chunk
                self.size += len(chunk)
                self.latest = min(self.latest, time() + LESS_PATIENCE)
                if not chunk:
                    poll.unregister(fd)
                    del names[fd]
        return not names

    def wait(self):
        """Wait a moment for its end. Returns whether it has ended by itself, in a call that goes
        on.
        """
        until = time() + PATIENCE
        while self.may_end_soon(until) and self.process.poll() is None:
            sleep(0.0001)
        self.process.poll()
        code = self.process.returncode
        return code is not None and code >= 0 and not is_doomed()

    def sweep(self):
        """End what the command has left behind. In so short a time, no process id was used twice:
        the ids of its processes are between its own and the newest.
        """
        pid = self.process.pid
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
            bodies = early.bodies(name) if early else []
            for body in [NO_CREDIT] * bool(bodies) + bodies:
                econtext.out.extend(econtext.frames(options[name], body))
            econtext.out.extend(econtext.frames(options[name], b"null", DEAD))
