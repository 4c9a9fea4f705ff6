"""econtext.external: what a function sees that was called with `withContext`.

Second tier. A slave may send to the master alone, and only to handles that were given to it.
"""
import econtext


class Master(object):
    """The context that made this one."""

    id = 0

    def send(self, handle, value):
        """Send a value to one of the master's handles that was given to this context."""
        econtext.send(handle, econtext.encode(value))


class Broker(object):
    """The I/O of this process."""

    def end(self):
        """End this context when the calls that are queued are done."""
        econtext.calls.append((0, 0, econtext.DEAD, b""))


class Router(object):
    """Handles of this process."""

    def add_handle(self, receive):
        """A new handle. `receive(value)` is called for each message, by the I/O thread: it must be quick."""
        decode = econtext.tier("values").decode  # here: the I/O thread could not ask for it
        econtext.next_handle += 1
        econtext.handlers[econtext.next_handle] = lambda flags, body: receive(decode(body))
        return econtext.next_handle


class ExternalContext(object):
    """This context, as its own functions see it."""

    def __init__(self):
        self.id = econtext.me
        self.name = econtext.name
        self.master = Master()
        self.broker = Broker()
        self.router = Router()


context = ExternalContext()
