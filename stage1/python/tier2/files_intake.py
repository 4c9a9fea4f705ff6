"""econtext.files_intake: gives the writer of a copy what the reader sends, over a channel or within
this context.

Second tier: comes with econtext.files. Twins: `write` of src/files/writer.ts, copy-locally.ts.
"""
import econtext

files = econtext.tier("files")
locks = econtext.tier("locks")
values = econtext.tier("values")
channels = values.channels()
files_writer = econtext.tier("files_writer")
from econtext.files_writer import PROGRESS_SECONDS, Writer


def write(destination, options, events, receiver):
    """As `write` of econtext.files: of what comes to the receiver."""
    # From its first message on: no file has to wait for a window that is about to grow.
    receiver.window = channels.MAX_WINDOW
    receiver.granted += options.get("credit", 0)  # the reader knows
    writer = Writer(files.heard(destination), options, events)

    def take():
        intake = Intake(writer, receiver)
        try:
            while not writer.refused and intake.step():
                pass
        finally:
            intake.close()

    return run(writer, take, receiver, events)


class Intake(object):
    """Gives what a receiver has to the writer. Pieces of large files go past both, if they can."""

    sink = None  # of econtext.file_splice; False: every piece is read

    def __init__(self, writer, receiver):
        self.writer = writer
        self.receiver = receiver

    def step(self):
        """Wait for a message, and write it. False: no more will come."""
        if not locks.wait([self.receiver], locks.now() + PROGRESS_SECONDS):
            files.check()
            self.writer.show()
            return True
        if self.sink is None and self.writer.part and self.writer.part.size >= files.MUCH:
            self.sink = econtext.tier("file_splice").sink_for(self.writer, self.receiver) or False
        if not self.sink:
            return self.take()
        with self.sink.lock:
            return self.take()

    def take(self):
        try:
            body = self.receiver.take()
        except channels.Closed:
            return False
        if body:
            data = values.plain(body)
            message = econtext.decode(bytes(body)) if data is None else data
            # An empty text stands for a piece that went past (see `skip` of a receiver).
            if message != "":
                self.writer.take(message)
        return True

    def close(self):
        if self.sink:
            self.sink.close()


def copy(paths, reading, destination, writing, events):
    """A copy of which both ends are here: each message is written before the next is read."""
    writer = Writer(files.heard(destination), writing, events)
    return run(writer, lambda: files.read(paths, reading, Direct(writer)), events)


def run(writer, feed, *ends):
    """All that `feed` gives to the writer: its totals. Whatever becomes of it, nothing half written
    stays, and the ends are told.
    """
    error = None
    try:
        feed()
        writer.finish()
        return writer.totals()
    except BaseException as e:
        error = e
        raise
    finally:
        writer.close()
        for end in ends:
            end.close(error)


class Direct(object):
    """What the reader sends to, in place of a channel."""

    def __init__(self, writer):
        self.writer = writer

    def send(self, message):
        if self.writer.refused:
            raise channels.Closed("the writer takes no more")
        self.writer.take(message)

    send_bytes = send

    def close(self, error=None):
        pass
