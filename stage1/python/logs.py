"""econtext.logs: the logging package of user code, forwarded to the master.

Second tier: loaded when user code imports logging. What the master's level filters is not sent.
"""
import logging

import econtext


class LogHandler(logging.Handler):
    """Sends each record to FORWARD_LOG, under its logger's name."""

    def emit(self, record):
        try:
            econtext.log(record.levelno, record.name, self.format(record), record.created)
        except Exception:
            self.handleError(record)


def install():
    logging.root.addHandler(LogHandler())
    logging.root.setLevel(econtext.lowest)
