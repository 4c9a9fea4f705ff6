"""econtext.failures: what is told of an exception.

Second tier: a context whose functions never fail does not need it. An exception of user code can
have any attribute, any name, and code of its own that fails or exits when it is asked: each
question here has an answer all the same.
"""
import os
import sys
import traceback

import econtext
from econtext import PY3, text

MAX_TEXT = 1 << 20  # characters of a message or of a traceback: what is longer says no more
BUILTIN = "builtins", "exceptions", "__builtin__"
find = econtext.find.__code__


def attempt(work, *arguments):
    """What that gives; None if it fails."""
    try:
        return work(*arguments)
    except:  # noqa: E722
        return None


def plain_text(value):
    """A string as text without lone surrogates; None if the value is not a string."""
    if isinstance(value, bytes) and not PY3:
        value = bytes.decode(value, "utf-8", "replace")
    if not isinstance(value, text):
        return None
    value = text.__getitem__(value, slice(0, None))  # of no class of the user's
    if len(value) > MAX_TEXT:
        value = text("%s\n(%d characters are left out)\n%s") % (value[: MAX_TEXT // 2], len(value) - MAX_TEXT, value[-MAX_TEXT // 2 :])
    try:
        data = text.encode(value, "utf-8")
        if PY3 or not any(rest[:1] >= b"\xa0" for rest in data.split(b"\xed")[1:]):
            return value
    except UnicodeError:
        pass
    return text.encode(value, "ascii", "backslashreplace").decode("ascii")


def type_name(kind):
    """How Python itself would call a type: qualified, but for what is built in."""
    name = attempt(lambda: plain_text(kind.__qualname__)) or attempt(lambda: plain_text(kind.__name__)) or text("unknown type")
    module = attempt(lambda: plain_text(kind.__module__))
    if module and module[:13] == "econtext_own.":
        module = module[13:]  # the name that the user's file has (econtext.own)
    return name if not module or module in BUILTIN else text(".").join((module, name))


def message_of(error):
    for show in text, str, repr:
        message = attempt(lambda: plain_text(show(error)))
        if message is not None:
            return message
    return text()


def traceback_of(kind, error, trace):
    lines = attempt(traceback.format_exception, kind, error, trace)
    if lines is None:
        # With the frames, which are Python's own, at least.
        last = text(": ").join((type_name(kind), message_of(error)))
        lines = (attempt(traceback.format_tb, trace) or []) + [last + text("\n")]
    return attempt(lambda: plain_text(text().join([plain_text(line) for line in lines]))) or text()


def describe(kind, error, trace):
    """Type, message and traceback."""
    return [type_name(kind), message_of(error), traceback_of(kind, error, trace)]


def body(kind, error, trace):
    """The body of an ERROR reply: in the lines of the user's own source."""
    if os.getpid() != econtext.pid:
        leave(kind, error, trace)
    if "econtext.channels" in sys.modules:
        attempt(sys.modules["econtext.channels"].forsake, econtext.doomed[0])
    sought = {}
    while trace and is_own(trace.tb_frame):
        if trace.tb_frame.f_code is find:
            sought = trace.tb_frame.f_locals
        trace = trace.tb_next
    if trace is None and issubclass(kind, ImportError) and "found" in sought:
        kind, error = AttributeError, AttributeError(missing(sought["module"]))
    return econtext.dumps(describe(kind, error, trace)).encode("utf-8")


def is_own(frame):
    """Whether code of econtext runs there."""
    name = frame.f_globals.get("__name__")
    return frame.f_globals is vars(econtext) or type(name) is str and name[:9] == "econtext."


def missing(name):
    """No import of the user's failed, but ours: of the last part of a name, which is no member of
    what is before it.
    """
    module, _, part = name.rpartition(".")
    if name[:13] == "econtext.own.":
        # It was named by a file: that is what its caller knows.
        own, _, part = name[13:].partition(".")
        path = attempt(lambda: plain_text(sys.modules[name[:13] + own].__loader__.path)) or text("/?/the file")
        module = text("/") + path.split("/", 2)[2]
    return "no builtin function " + part if module in BUILTIN else "%s has no %s" % (module, part)


def tell(message):
    sys.stderr.write(message if PY3 else message.encode("utf-8"))


def leave(kind, error, trace):
    """User code forked, and what failed is the fork: it ends as a program does."""
    code = 1
    if isinstance(error, SystemExit):
        code = error.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            attempt(tell, message_of(error) + "\n")
            code = 1
    else:
        attempt(tell, traceback_of(kind, error, trace))
    for stream in sys.stdout, sys.stderr:
        attempt(lambda: stream.flush())
    os._exit(code & 255)
