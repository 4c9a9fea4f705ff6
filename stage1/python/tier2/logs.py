"""econtext.logs: the logging package of user code, forwarded to the master.

Second tier: loaded when user code imports logging. What the master's level filters is not sent.
"""
import logging
import os
import select
import sys

import econtext

MAX_QUEUED = 1 << 23
LATEST = 8.64e12  # seconds: what the master can hold

process = os.getpid()


def as_text(value):
    """Of Python 2.7's bytes, or of any name."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, econtext.text) else econtext.text(value)


class LogHandler(logging.Handler):
    """Sends each record to FORWARD_LOG, under its logger's name."""

    def emit(self, record):
        try:
            if os.getpid() != process:
                # A fork of user code: the connection is its parent's, what it prints is not.
                sys.stderr.write(self.format(record) + "\n")
                return
            sys.stdout.flush()  # What was printed before arrives before.
            econtext.drain()
            level = max(-LATEST, min(LATEST, int(record.levelno)))
            created = float(record.created)
            when = created if abs(created) <= LATEST else None
            econtext.log(level, as_text(record.name), as_text(self.format(record)), when)
            while econtext.queued > MAX_QUEUED and econtext.out:
                # A slow master slows down code that logs.
                select.select([], [econtext.cout], [], 0.05)
                econtext.flush()
        except Exception:
            self.handleError(record)


def install():
    logging.root.addHandler(LogHandler())
    logging.root.setLevel(econtext.lowest)
