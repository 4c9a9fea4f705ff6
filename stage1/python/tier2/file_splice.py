"""econtext.file_splice: zero copy between files and the stream, by splice(2), through a pipe.

Linux, from Python 3.10 on. Elsewhere, the bytes are read and written.

Second tier: comes with econtext.files. Twin: src/files/spliced-pieces.ts.
"""
import os
import select

import econtext

channels = econtext.tier("channels")
locks = econtext.tier("locks")
splice = econtext.tier("splice")
vectored_io = econtext.tier("vectored_io")

ROOM_MS = 50  # how long a piece waits for room in the stream before it is read


class Source(object):
    """Sends pieces of files without reading them."""

    def __init__(self, sender):
        self.sender = sender
        self.end, self.begin = os.pipe()
        vectored_io.enlarge(self.begin)
        # A poll object of the core belongs to the thread that has the lock for writing.
        self.room = select.poll()
        self.room.register(econtext.cout, select.POLLOUT)

    def splice(self, fd, most):
        """Send at most so many bytes of a file.

        Returns how many; 0 at the end of the file; None if the file cannot be spliced.
        """
        try:
            size = splice.splice(fd, self.begin, most)
        except OSError:
            return None  # if the file is at fault, to read it says why
        if size:
            self.send(size)
        return size

    def send(self, size):
        """Send bytes that wait in the pipe."""
        locks.wait([self.sender])
        if self.room.poll(ROOM_MS):
            econtext.flush()
            if self.sender.splice(self.end, size):
                return
        while size:
            data = os.read(self.end, size)
            self.sender.send_bytes(data)
            size -= len(data)

    def close(self):
        os.close(self.begin)
        os.close(self.end)


def source_for(sender):
    """Return the Source for a sender; None if its bytes have to be read."""
    # Senders of other types do not lead into the stream.
    can = splice.splice and type(sender) is channels.Sender and econtext.flush is vectored_io.flush
    return made(Source, sender) if can else None


class Sink(object):
    """Splices pieces of the file that the writer has begun, past the queue of its receiver.

    The thread that reads the stream calls `idle` and `splice`. The thread of the writer has `lock`
    while it takes and writes a message.
    """

    is_prompt = True  # as of Input in econtext.command_pipes

    def __init__(self, writer, receiver):
        self.writer = writer
        self.receiver = receiver
        self.lock = locks.Lock()
        self.end, self.begin = os.pipe()
        vectored_io.enlarge(self.begin)

    def idle(self):
        """Return whether the next piece may be spliced past the queue."""
        part = self.writer.part
        return bool(part and part.fd is not None and not part.failure and not self.receiver.ready())

    def splice(self, stream, size):
        """Move bytes from the stream into the file. As `splice_in` of econtext.splice."""
        if not self.lock.take(0):
            return None
        try:
            moved = splice.splice_in(stream, self.begin, size) if self.idle() else None
            if moved:
                self.writer.bytes += moved
                self.empty(self.writer.part, moved)
            return moved
        finally:
            self.lock.release()

    def empty(self, part, size):
        """Write what is in the pipe. If that fails, the next message finds `failure`."""
        while size:
            try:
                moved = splice.splice(self.end, part.fd, size)
                part.wrote(moved)
            except OSError:
                # Not every file can be spliced to. For any other fault, to write says why.
                self.receiver.sink = None
                data = os.read(self.end, size)
                moved = len(data)
                try:
                    part.write(data)
                except EnvironmentError as e:
                    part.failure = part.failure or e
            size -= moved

    def close(self):
        """Nothing is taken any more: the lock is not released."""
        self.receiver.sink = None
        self.lock.take()
        os.close(self.begin)
        os.close(self.end)


def sink_for(writer, receiver):
    """Make the Sink of a receiver. Return None if pieces have to be read."""
    if not splice.splice:
        return None
    splice.install()
    receiver.sink = made(Sink, writer, receiver)
    return receiver.sink


def made(kind, *arguments):
    """Make a Source or a Sink. Return None if there are no descriptors for its pipe."""
    try:
        return kind(*arguments)
    except EnvironmentError:
        return None
