"""econtext.external: what a function sees that was called with `withContext`.

Second tier. A slave may send to the master alone, and only to handles that were given to it.
"""
import select

import econtext

INTERRUPTIBLE = ("wait_for_room",)
MAX_QUEUED = 1 << 20  # bytes that may wait before who sends has to


class Master(object):
    """The context that made this one."""

    id = 0

    def send(self, handle, value):
        """Send a value to one of the master's handles that was given to this context."""
        econtext.send(handle, econtext.encode(value))
        wait_for_room()


def wait_for_room():
    """A slow master slows who sends to it: called after sending, by any thread but the one that reads."""
    while econtext.queued > MAX_QUEUED and (econtext.out or econtext.rest):
        select.select([], [econtext.cout], [], 0.05)
        econtext.flush()


class Broker(object):
    """The I/O of this process."""

    def end(self):
        """End this context when the calls that are queued are done."""
        econtext.calls.append((0, 0, econtext.DEAD, b""))


class Router(object):
    """Handles of this process."""

    def add_handle(self, receive):
        """A new handle. `receive(value)` is called for each message, by the I/O thread: it must be quick."""
        # Here: the I/O thread could not ask for them.
        values = econtext.tier("values")
        values.channels()
        failures = econtext.tier("failures")

        def quietly(flags, body):
            try:
                receive(values.decode(body))
            except BaseException as e:
                econtext.log(40, "econtext", "a receiver failed: " + ": ".join(failures.describe(type(e), e, None)[:2]))

        econtext.next_handle += 1
        here = econtext.next_handle
        econtext.handlers[here] = quietly
        return here


class ExternalContext(object):
    """This context, as its own functions see it."""

    def __init__(self):
        self.id = econtext.me
        self.name = econtext.name
        self.master = Master()
        self.broker = Broker()
        self.router = Router()


context = ExternalContext()
