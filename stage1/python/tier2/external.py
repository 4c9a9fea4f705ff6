"""econtext.external: what a function sees that was called with `withContext`.

Second tier. Twin: external.js.
"""
import econtext


class Broker(object):
    """The I/O of this process."""

    def end(self):
        """End this context when the calls that are queued are done."""
        econtext.calls.append((0, 0, econtext.DEAD, b""))


class ExternalContext(object):
    """This context, as its own functions see it."""

    def __init__(self):
        self.id = econtext.me
        self.name = econtext.name
        self.broker = Broker()


context = ExternalContext()
