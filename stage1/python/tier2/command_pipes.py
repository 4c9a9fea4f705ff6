"""econtext.command_pipes: between a command's pipes and channels of bytes; and what wakes the loop
that moves them.

Second tier: comes with econtext.commands, whose loop it serves: nothing here waits, but for a
moment where that saves much.
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

# With what makes a body of it, just what goes into one frame.
CHUNK = econtext.MAX_FRAME - 22
GATHER = 0.0002  # seconds


class Wake(object):
    """A pipe that ends the poll: what another thread has heard, and each signal, writes to it.
    While it exists, the end of a child is a signal that is heard.
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
        """Be rung when something happens to this end of a channel."""
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
    """Handle SIGCHLD as before the command. Where that was the default, our handler stays, which
    does nothing: to put back the default could fail, and the system does the same with both.
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
    """What the command writes, on its way to a sender."""

    flows = False  # much has just come

    def __init__(self, pipe, sender):
        vectored_io.enlarge(pipe)
        self.pipe = pipe
        self.sender = sender

    def interest(self):
        """What to poll for; None: nothing, not even its end."""
        return select.POLLIN if self.sender.ready() else None

    def turn(self, ready):
        # The receiver is closed: the command shall get SIGPIPE, as in a local pipeline.
        if self.sender.closed:
            self.pipe.close()
        elif ready:
            try:
                size = splice.in_pipe(self.pipe.fileno())
                if size < vectored_io.LARGE and self.flows:
                    # More is about to come: one large frame costs less than many small ones.
                    sleep(GATHER)
                    size = splice.in_pipe(self.pipe.fileno())
                self.flows = size >= vectored_io.LARGE
                size = min(size, CHUNK)
                if self.flows and self.sender.pour(self.pipe.fileno(), size):
                    return
                chunk = os.read(self.pipe.fileno(), CHUNK)
            except OSError as e:
                if e.errno in econtext.BUSY:
                    return
                chunk = b""  # EIO: no process has the terminal open any more
            self.send(chunk)

    def send(self, chunk):
        """Send some output. An empty chunk is its end."""
        try:
            if chunk:
                self.sender.offer(values.encode_bytes(chunk))
                return
        except (channels.Closed, values.RemoteError):
            pass
        self.pipe.close()
        self.sender.close()


class Input(object):
    """What the command reads, from a receiver."""

    rest = None  # of what is being written
    ended = False
    is_prompt = True  # what came before was written soon: see econtext.splice
    last = b"\n"

    def __init__(self, pipe, receiver, end_of_file=b""):
        vectored_io.enlarge(pipe)
        self.pipe = pipe
        self.receiver = receiver
        self.end_of_file = end_of_file  # of a terminal, which has to stay open
        self.lock = locks.Lock()  # the thread that reads the stream may also write to it
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
                raise OSError  # its other end is closed
            self.rest = self.rest or self.next()
            if self.rest:
                self.rest = self.rest[os.write(self.pipe.fileno(), self.rest) :]
        except EnvironmentError as e:
            if e.errno not in econtext.BUSY:
                self.close()

    def next(self):
        """What to write next, if there is any."""
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
            # Within a line, the first only ends that.
            return self.end_of_file * (1 if self.last == b"\n" else 2)

    def idle(self):
        """Whether nothing waits that has to be written."""
        return not (self.rest or self.receiver.ready() or self.pipe.closed)

    def fill(self, stream, size):
        """Move `size` bytes from the stream, if nothing waits before them.

        As `move` of econtext.splice. Only for the thread that reads the stream.
        """
        if not self.lock.take(0):
            return None
        try:
            return splice.move(stream, self.pipe.fileno(), size) if self.idle() else None
        finally:
            self.lock.release()

    def end(self):
        """Close it, even if a thread writes to it."""
        self.receiver.sink = None
        self.lock.take(0.05)  # if it is never released, its thread was interrupted
        self.pipe.close()

    def close(self):
        self.receiver.sink = None
        self.pipe.close()
        self.rest = None
        self.receiver.close()
