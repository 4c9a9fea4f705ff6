"""econtext.command_pipes: moves bytes between a command's pipes and channels.

Wake ends the wait of the loop in econtext.command_loop, which calls the others. None of them waits,
except for a moment where that saves much.

Second tier: comes with econtext.commands.
"""
import fcntl
import os
import select
from time import sleep

import econtext
from econtext import signal, thread

command_process = econtext.tier("command_process")
values = econtext.tier("values")
channels = econtext.tier("channels")
vectored_io = econtext.tier("vectored_io")
splice = econtext.tier("splice")
locks = econtext.tier("locks")

CHUNK = econtext.MAX_FRAME - 22  # bytes: with the head of a value, they fill one frame
# Seconds to wait for more output of a command that prints much. A longer wait leaves the processors
# idle: a local context then passes on a fifth less.
GATHER = 0.0002


class Wake(object):
    """A pipe that ends the poll of the loop: other threads and signals write to it.

    While it exists, SIGCHLD has a handler, so that the end of a child ends the poll, too.
    """

    def __init__(self):
        self.fd, self.bell = os.pipe()
        for fd in self.fd, self.bell:
            fcntl.fcntl(fd, fcntl.F_SETFD, 1)
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK)
        self.lock = thread.allocate_lock()
        self.armed = False
        self.sources = []
        self.child = signal.signal(signal.SIGCHLD, command_process.hear)
        self.signals = signal.set_wakeup_fd(self.bell)
        econtext.asking.append(self)
        locks.listen()

    def watch(self, end):
        """From now on, each change of this end of a channel ends the poll."""
        self.sources.append(end)
        end.listeners.append(self.ring)

    def ring(self):
        with self.lock:
            if self.armed:
                self.armed = False
                os.write(self.bell, b"k")

    def silence(self):
        try:
            os.read(self.fd, 4096)
        except OSError:
            pass

    def close(self):
        econtext.asking.remove(self)
        for end in self.sources:
            end.listeners.remove(self.ring)
        signal.set_wakeup_fd(self.signals)
        with self.lock:
            self.armed = False
        os.close(self.fd)
        os.close(self.bell)
        restore_handler(self.child)


def restore_handler(handler):
    """Handle SIGCHLD as before the command.

    If that was the default, our handler stays. It does nothing, as the default does, and to put the
    default back could fail.
    """
    if handler != signal.SIG_DFL and handler is not None:
        try:
            signal.signal(signal.SIGCHLD, handler)
            # Up to Python 3.9, a signal that came before, and finds no function now, is a TypeError
            # at one of the next instructions of this thread (https://bugs.python.org/issue43406).
            for _ in range(200):
                pass
        except TypeError:
            pass


class Output(object):
    """One output of a command. Sends it to a channel."""

    flows = False  # whether the last turn found much

    def __init__(self, pipe, sender):
        vectored_io.enlarge(pipe)
        self.pipe = pipe
        self.sender = sender

    def interest(self):
        """Return the events to poll for. None: leave the pipe alone, its end included."""
        return select.POLLIN if self.sender.ready() else None

    def turn(self, ready):
        # If the receiver is closed, the command gets SIGPIPE, as in a local pipeline.
        if self.sender.closed:
            self.pipe.close()
        elif ready:
            try:
                size = splice.in_pipe(self.pipe.fileno())
                if size < vectored_io.LARGE and self.flows:
                    # More is about to come, and one large frame costs less than many small ones.
                    sleep(GATHER)
                    size = splice.in_pipe(self.pipe.fileno())
                self.flows = size >= vectored_io.LARGE
                size = min(size, CHUNK)
                if self.flows and self.sender.splice(self.pipe.fileno(), size):
                    return
                chunk = os.read(self.pipe.fileno(), CHUNK)
            except OSError as e:
                if e.errno in econtext.BUSY:
                    return
                chunk = b""  # EIO: no process has the terminal open any more
            self.send(chunk)

    def send(self, chunk):
        """Send a chunk of output. An empty one means the end of the output."""
        try:
            if chunk:
                self.sender.offer(values.encode_bytes(chunk))
                return
        except (channels.Closed, values.RemoteError):
            pass
        self.pipe.close()
        self.sender.close()


class Input(object):
    """The standard input of a command. Writes what a channel's receiver gives."""

    rest = None  # the part of a value that is not written yet
    ended = False
    is_prompt = True  # whether the last value was written soon: see `is_idle` of econtext.splice
    last = b"\n"

    def __init__(self, pipe, receiver, end_of_file=b""):
        vectored_io.enlarge(pipe)
        self.pipe = pipe
        self.receiver = receiver
        self.end_of_file = end_of_file  # the character for it, if the pipe is a terminal
        self.lock = locks.Lock()  # the thread that reads the stream splices into the pipe
        if not end_of_file:
            receiver.sink = self
        fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.fcntl(pipe, fcntl.F_GETFL))

    def interest(self):
        if self.rest or not self.ended and self.receiver.ready():
            return select.POLLOUT
        return None if self.end_of_file else 0

    def turn(self, ready):
        if ready and self.lock.take(0):
            try:
                self.write(ready)
            finally:
                self.lock.release()

    def write(self, ready):
        try:
            if ready & ~select.POLLOUT and not self.end_of_file:
                raise OSError  # the command has closed its end
            self.rest = self.rest or self.next()
            if self.rest:
                self.rest = self.rest[os.write(self.pipe.fileno(), self.rest) :]
        except EnvironmentError as e:
            if e.errno not in econtext.BUSY:
                self.close()

    def next(self):
        """Return what to write next; None if there is nothing now."""
        try:
            body = self.receiver.take()
            if body is None:
                return None
            data = values.view(body)
            self.last = data[-1:].tobytes()
            return data
        except (channels.Closed, values.RemoteError):
            self.ended = True
            if not self.end_of_file:
                self.close()
            # Within a line, the first of two characters only ends that line.
            return self.end_of_file * (1 if self.last == b"\n" else 2)

    def idle(self):
        """Return whether nothing waits to be written, and the pipe is open."""
        return not (self.rest or self.receiver.ready() or self.pipe.closed)

    def splice(self, stream, size):
        """Move bytes from the stream, if nothing waits before them.

        As `splice_in` of econtext.splice. Only the thread that reads the stream may call this.
        """
        if not self.lock.take(0):
            return None
        try:
            return splice.splice_in(stream, self.pipe.fileno(), size) if self.idle() else None
        finally:
            self.lock.release()

    def end(self):
        """Close the pipe, even if a thread writes to it."""
        self.receiver.sink = None
        self.lock.take(0.05)  # if it is never released, its thread was interrupted
        self.pipe.close()

    def close(self):
        self.receiver.sink = None
        self.pipe.close()
        self.rest = None
        self.receiver.close()
