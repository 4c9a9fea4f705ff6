"""econtext.environment: what a program that this context starts inherits.

Second tier: comes with econtext.commands. Twin: none; the other runtimes add nothing to their
environment.
"""
import posix
import sys

# What Python 3.7 and later puts into LC_CTYPE where the locale is C (PEP 538).
COERCED = b"C.UTF-8", b"C.utf8", b"UTF-8"


def is_given(name):
    """Whether this process was started with such a variable."""
    try:
        with open("/proc/self/environ", "rb") as file:
            return b"\0" + name + b"=" in b"\0" + file.read()
    except EnvironmentError:
        return True  # not Linux: it is left alone


def inherited():
    """A copy of the environment, as bytes, because the locale here may know ASCII only."""
    os = sys.modules.get("os")  # if it has not been imported, nothing has changed there
    variables = dict(getattr(os, "environb", os.environ) if os else posix.environ)
    if variables.get(b"LC_CTYPE") in COERCED and not is_given(b"LC_CTYPE"):
        del variables[b"LC_CTYPE"]
    return variables


def of_command(options):
    """The environment of a command: what it inherits, and what `options` add."""
    variables = inherited()
    for name, value in options.get("env", {}).items():
        variables[name.encode("utf-8")] = value.encode("utf-8")
    if "tty" in options:
        variables[b"TERM"] = options["tty"]["term"].encode("utf-8")
    return variables
