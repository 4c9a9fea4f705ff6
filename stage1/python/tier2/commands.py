"""econtext.commands: runs a command without a shell. This module starts the command. A command that
ends at once is served by econtext.command_early, all others by econtext.command_loop.

Second tier. Twins: stage1/javascript/tier2/commands.js, src/commands/remote-process.ts. Spec:
docs/protocol.md, "Commands".

The modules that serve a long command, or interrupt it, take longer to compile than `true` takes to
run. So they are compiled while the command runs, or not at all.
"""
import sys
from time import time

import econtext
from econtext import os, signal

# needed at once: command_early
# What a command may need. sent along: process_sweep, interruption, command_loop
command_process = econtext.tier("command_process")

PATIENCE = 0.1  # seconds that a command has to end, while it needs a processor
PRINTED = "stdout", "stderr"


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
        server = econtext.tier("command_early")
        if not server.has_ended(early):
            return None, early
        early.process.close()
        if "sweep" in options:
            server.sweep(early)
        server.conclude(options, early)
        return {"status": early.process.returncode}, early
    except EnvironmentError as e:
        econtext.tier("command_early").conclude(options)
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
        self.latest = time() + PATIENCE
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
