"""econtext.failures: what an ERROR reply says.

Second tier: a context whose functions never fail does not need it.
"""
import os
import sys
import traceback

import econtext


def text_of(error):
    """What an exception says; its own code may fail."""
    for show in econtext.text, str, repr:
        try:
            return show(error)
        except Exception:
            pass
    return ""


def body(kind, error, trace):
    """The body of an ERROR reply: type, message, traceback in the lines of the user's own source."""
    if os.getpid() != econtext.pid:
        # User code forked, and what failed is the fork: it ends as a program does.
        if not isinstance(error, SystemExit):
            traceback.print_exception(kind, error, trace)
        code = getattr(error, "code", 1)
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)
    if "econtext.channels" in sys.modules:
        sys.modules["econtext.channels"].forsake(econtext.doomed[0])
    while trace and (trace.tb_frame.f_globals.get("__name__") == "econtext" or trace.tb_frame.f_code.co_filename[:9] == "econtext."):
        trace = trace.tb_next
    wanted = getattr(error, "name", None) or ""
    module, _, part = wanted.rpartition(".")
    if trace is None and isinstance(error, ImportError) and module in sys.modules:
        # No import of the user's failed, but ours, of what the call named.
        what = "no builtin function" if module in ("builtins", "__builtin__") else "module %s has no" % module
        kind, error = AttributeError, AttributeError("%s %s" % (what, part))
    name = getattr(kind, "__qualname__", kind.__name__)
    if kind.__module__ not in ("builtins", "exceptions"):
        name = kind.__module__ + "." + name
    try:
        shown = traceback.format_exception(kind, error, trace)
    except Exception:
        shown = traceback.format_tb(trace)
    # Python 2 has made bytes of some.
    shown = [s.decode("utf-8", "replace") if type(s) is bytes else s for s in [name, text_of(error)] + shown]
    return econtext.dumps(shown[:2] + [econtext.text().join(shown[2:])]).encode("utf-8", "replace")
