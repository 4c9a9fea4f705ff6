"""econtext.terminal: a terminal for a command of its own.

Second tier: comes with the first command that wants one. Twin: the `tty` part of stage1/js/commands.js.
"""
import fcntl
import os
import struct
import sys

try:
    import termios

    problem = None  # why no command can have a terminal
except ImportError:
    problem = "a terminal needs the Python module termios, and %s has none (Debian: install python%d.%d; libpython%d.%d-stdlib has it)" % (
        (sys.executable,) + sys.version_info[:2] * 2
    )

END_OF_FILE = b"\4"  # what a new terminal takes for it


def start(tty, spawn):
    """Start a command on a new terminal: the process, and our ends of its stdin and stdout."""
    ours, theirs = os.openpty()
    keys = os.dup(ours)
    for fd in ours, theirs, keys:
        fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    try:
        resize(ours, tty["columns"], tty["rows"])
        process = spawn(theirs, theirs, theirs, control)
    except BaseException:
        os.close(ours)
        os.close(keys)
        raise
    finally:
        os.close(theirs)
    return process, os.fdopen(keys, "wb", 0), os.fdopen(ours, "rb", 0), None


def control():
    """In the new process, whose stdin the terminal is: a session of its own, which the terminal controls."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def resize(fd, columns, rows):
    """Its new size; the system tells who runs on it."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
