"""econtext.command_tty: a terminal for a command of its own.

Second tier: comes with the first command that wants one. Twin:
stage1/javascript/tier2/command_tty.js.
"""
import fcntl
import os
import struct
import sys

import econtext

try:
    import termios

    problem = None  # why no command can have a terminal
except ImportError:
    problem = "a terminal needs the Python module termios, and %s has none (Debian: install python%d.%d; libpython%d.%d-stdlib has it)" % (
        (sys.executable,) + sys.version_info[:2] * 2
    )

END_OF_FILE = 5  # its number among the modes
DISABLED = 255
# RFC 4254, section 8: characters, and flags, by where `tcgetattr` has them and by their numbers
# from the first on.
CHARACTERS = "VINTR VQUIT VERASE VKILL VEOF VEOL VEOL2 VSTART VSTOP VSUSP VDSUSP VREPRINT VWERASE VLNEXT VFLUSH VSWTCH VSTATUS VDISCARD"
FLAGS = (
    (0, 30, "IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8"),
    (3, 50, "ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP IEXTEN ECHOCTL ECHOKE PENDIN"),
    (1, 70, "OPOST OLCUC ONLCR OCRNL ONOCR ONLRET"),
)
# What `termios` has no name for.
EXTRA = {"IUTF8": 0o40000, "IUCLC": 0o1000, "OLCUC": 2, "XCASE": 4} if sys.platform.startswith("linux") else {}


def start(argv, options):
    """Start a command on a new terminal. Returns the process, and our ends of its stdin and
    stdout.
    """
    tty = options["tty"]
    ours, theirs = os.openpty()
    keys = os.dup(ours)
    for fd in ours, theirs, keys:
        fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    try:
        resize(ours, tty["columns"], tty["rows"])
        set_modes(theirs, dict(tty.get("modes") or ()))
        process = econtext.tier("command_popen").spawn(argv, options, theirs, theirs, theirs, control)
    except BaseException:
        os.close(ours)
        os.close(keys)
        raise
    finally:
        os.close(theirs)
    return process, os.fdopen(keys, "wb", 0), os.fdopen(ours, "rb", 0), None


def set_modes(fd, modes):
    """Set characters and flags by their numbers. A number that this system lacks is left out."""
    attributes = termios.tcgetattr(fd)
    for at, name in enumerate(CHARACTERS.split()):
        value = modes.get(at + 1)
        index = getattr(termios, name, None)
        if value is not None and index is not None:
            attributes[6][index] = struct.pack("B", 0 if value == DISABLED else value)
    for field, first, names in FLAGS:
        for at, name in enumerate(names.split()):
            value = modes.get(first + at)
            bit = getattr(termios, name, EXTRA.get(name, 0))
            if value is not None:
                attributes[field] = attributes[field] | bit if value else attributes[field] & ~bit
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def end_of_file(tty):
    """What is typed to end the input."""
    value = dict(tty.get("modes") or ()).get(END_OF_FILE, 4)
    return struct.pack("B", 4 if value == DISABLED else value)


def control():
    """In the new process, whose stdin the terminal is: a session of its own, which the terminal
    controls.
    """
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def resize(fd, columns, rows):
    """Its new size; the system tells who runs on it."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
