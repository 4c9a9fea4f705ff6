"""econtext.command_loop: serves a command that econtext.commands has started, or starts one that
it cannot: moves bytes between the pipes of the command and channels, and does what the master asks.

Second tier: comes with econtext.commands. Twins and spec: see there. The command stays in this
context's process group, unless it has a terminal of its own: whatever becomes of the context, its
guard ends the command too.

One loop in the main thread, around one poll. The thread that reads the stream hears the channels,
and wakes the poll. So does a signal.
"""
import os
import select

import econtext
from econtext import signal

# What a command may need. sent along: process_sweep, command_popen, channels
interruption = econtext.tier("interruption")
command_process = econtext.tier("command_process")
values = econtext.tier("values")
channels = values.channels()
splice = econtext.tier("splice")
command_pipes = econtext.tier("command_pipes")

MAX_QUEUED = 2 * econtext.MAX_FRAME
SIGNALS = dict((name, getattr(signal, name)) for name in dir(signal) if name[:3] == "SIG" and name[3] != "_")
TO_ALL = "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"  # as a terminal's keys, and its end, reach a whole group
INTERRUPTIBLE = ("poll",)
STREAMS = "stdout", "stderr", "events"


def run(argv, options, early=None):
    """Run a command to its end, as econtext.commands does.

    early: the command, if it was started; else this starts it.
    """
    splice.install()
    if "tty" in options and econtext.tier("command_tty").problem:
        # Its senders stay open: the other language may do it.
        return {"status": 126, "problem": econtext.tier("command_tty").problem, "lacks": "tty"}
    for name in STREAMS:
        if name in options:
            options[name] = channels.adopt(0, options[name])
    senders = [options[name] for name in STREAMS if name in options]
    try:
        if "cwd" in options:
            try:
                # Or a missing folder would be taken for a missing command.
                os.stat(options["cwd"] + "/.")
            except EnvironmentError as e:
                return {"status": 126, "problem": "%s: %s" % (options["cwd"], os.strerror(e.errno))}
        command = Command(options, early)
        try:
            try:
                command.start(argv)
            except EnvironmentError as e:
                return command_process.refusal(e)
            status = command.serve()
            # A master that cancels also stops reading, and that may arrive first.
            interruption.check()
            if "sweep" in options:
                newest = interruption.newest()
                if newest != command.process.pid:
                    econtext.tier("process_sweep").sweep_after(command.process.pid, newest)
            return ending(status)
        except BaseException:
            command.kill()
            raise
        finally:
            command.end()
    except BaseException as e:
        # A reader of the output shall not take this for the end of the output.
        for sender in senders:
            sender.close(e)
        raise
    finally:
        for sender in senders:
            sender.close()


def ending(code):
    if code >= 0:
        return {"status": code}
    names = sorted(name for name in SIGNALS if SIGNALS[name] == -code)
    return {"status": 128 - code, "signal": names[0] if names else "signal %d" % -code}


class Command(object):
    """A command, its streams that are open, and what controls it."""

    process = None
    terminal = None

    def __init__(self, options, early):
        self.options = options
        self.early = early
        self.is_fed = early.is_fed if early else options.get("stdin")  # by the master
        head = early.rest if early else options.get("head")
        self.stdin = channels.Receiver()
        self.control = channels.Receiver()
        self.inputs = []
        self.outputs = []
        self.wake = command_pipes.Wake()
        if head:
            options["stdin"] = True
            self.stdin.queue.append((0, b"".join(values.encode_bytes(head))))

    def start(self, argv):
        options = self.options
        if "tty" in options:
            self.terminal = econtext.tier("command_tty")
            started = self.terminal.start(argv, options)
        else:
            name = "command_process" if command_process.can_start(options) else "command_popen"
            process = self.early.process if self.early else econtext.tier(name).start(argv, options)
            started = process, process.stdin, process.stdout, process.stderr
        self.process, stdin, stdout, stderr = started
        if stdin and not stdin.closed:
            self.inputs = [command_pipes.Input(stdin, self.stdin, self.terminal.end_of_file(options["tty"]) if self.terminal else b"")]
        # Before its output: a master that has read some may send a signal at once.
        self.introduce()
        for pipe, name in (stdout, "stdout"), (stderr, "stderr"):
            if pipe:
                output = command_pipes.Output(pipe, options[name])
                self.outputs.append(output)
                self.wake.watch(options[name])
                if self.early and self.early.printed[name]:
                    output.send(self.early.printed[name])

    def introduce(self):
        """Tell that it runs, and who may write to it and control it."""
        self.wake.watch(self.stdin)
        self.wake.watch(self.control)
        senders = [{"!h": end.sender.reference().fields} if end else None for end in (self.is_fed and self.stdin, self.control)]
        try:
            # By hand, because `send` would load what encodes all values.
            self.options["events"].offer([econtext.dumps([self.process.pid] + senders).encode("utf-8")])
        except (KeyError, channels.Closed, values.RemoteError):
            self.is_fed = None  # no context can write to it
            self.stdin.revoke()
            self.control.revoke()
        if not self.is_fed:
            self.stdin.end(None)  # it still reads the head

    def serve(self):
        """Move bytes until its output has ended, and it has too: its status."""
        wake = self.wake
        while self.outputs or self.process.poll() is None:
            # Now, before the streams are asked: what happens from here on ends the poll.
            wake.armed = True
            while self.control.queue:
                self.obey(*econtext.decode(self.control.take()))
            ready = self.poll()
            wake.armed = False
            if wake.fd in ready:
                wake.silence()
            if econtext.cout in ready:
                econtext.flush()
            for stream in self.inputs + self.outputs:
                stream.turn(ready.get(stream.pipe.fileno(), 0))
            self.inputs = [stream for stream in self.inputs if not stream.pipe.closed]
            self.outputs = [stream for stream in self.outputs if not stream.pipe.closed]
            if self.terminal and not self.outputs:
                # All receivers of the terminal are closed: it hangs up.
                for stream in self.inputs:
                    stream.close()
                self.inputs = []
        return self.process.returncode

    def poll(self):
        """What each descriptor is ready for; waits until one is."""
        poll = select.poll()
        poll.register(self.wake.fd, select.POLLIN)
        # What waits to be written would hold up the answer, too.
        jammed = econtext.queued > MAX_QUEUED and (econtext.out or econtext.rest)
        if jammed:
            poll.register(econtext.cout, select.POLLOUT)
        for stream in self.inputs + (not jammed) * self.outputs:
            interest = stream.interest()
            if interest is not None:
                poll.register(stream.pipe.fileno(), interest)
        # One that was closed since its last turn wants another.
        gone = any([stream.sender.closed for stream in self.outputs])
        try:
            return dict(poll.poll(0 if gone else None))
        except select.error as e:
            if e.args[0] not in econtext.BUSY:
                raise
            return {}

    def obey(self, verb, *words):
        """What makes no sense, or not any more, is left undone. What became of a signal is told: a
        command may have ended, and something that it has started hold its output open.
        """
        is_signal = verb == "signal"
        if is_signal and self.process.poll() is not None:
            verb = "ended"
        try:
            if verb == "signal":
                self.signal(*words)
            elif verb == "resize" and self.terminal and self.outputs:
                self.terminal.resize(self.outputs[0].pipe.fileno(), *words)
        except EnvironmentError:
            pass  # it has just ended
        if is_signal:
            try:
                self.options["events"].send([verb] + list(words))
            except (KeyError, channels.Closed, values.RemoteError):
                pass  # the sender of events is closed: it is not told

    def signal(self, name):
        number = SIGNALS.get(name)
        if not number:
            return  # this system has none of that name
        if self.terminal and self.outputs:
            os.killpg(os.tcgetpgrp(self.outputs[0].pipe.fileno()), number)
        elif name in TO_ALL and not self.terminal:
            to_all(number)
        else:
            self.process.send_signal(number)

    def end(self):
        """Forget all that belongs to it."""
        for stream in self.inputs:
            stream.end()
        for stream in self.outputs:
            stream.pipe.close()
        self.stdin.close()
        self.control.close()
        self.wake.close()

    def kill(self):
        """The call was cancelled: end the command and all that it has started. Who does not care to
        be told, is killed.
        """
        process = self.process
        if not process:
            return
        process_sweep = econtext.tier("process_sweep")
        known = self.family(())
        if self.terminal:
            hang_up(process.pid)
        else:
            to_all(signal.SIGTERM)

        def left():
            process.poll()
            return self.family(known)

        process_sweep.wait_for_end(left)
        if process.poll() is None:
            process.kill()
            process.wait()

    def family(self, known):
        """Ids of the command, of its children and theirs, as far as they live: on a terminal, all
        of its session; else those in our process group that have come from it, that were `known`
        to, or whose parents are gone: one call runs at a time. [] where there is no /proc.
        """
        own = self.process.pid
        process_sweep = econtext.tier("process_sweep")
        if self.terminal:
            return [pid for pid, (_, _, session, _) in process_sweep.processes(process_sweep.every_id()) if session == own]
        group = os.getpgrp()
        parents = dict((pid, parent) for pid, (parent, members, _, _) in process_sweep.processes(process_sweep.every_id()) if members == group)
        us = parents.pop(os.getpid(), None)

        def belongs(pid):
            while pid in parents and pid != own and pid not in known:
                pid = parents[pid]
            return pid not in (us, os.getpid())

        return [pid for pid in parents if belongs(pid)]


def hang_up(group):
    try:
        os.killpg(group, signal.SIGHUP)
    except OSError:
        pass  # no process is left in it


def to_all(number):
    """Signal our process group, where the command and its children are all there is besides us."""
    handler = signal.signal(number, signal.SIG_IGN)
    os.killpg(0, number)
    signal.signal(number, handler or signal.SIG_DFL)
