"""econtext.callee: finds the function that a call names, and calls it.

Second tier: sent with the first call, because a context that is never called does not need it.
Twin: `find` in stage1/javascript/core/main.js.
"""
import sys

import econtext
from econtext import PY3, encode, fetch, text, tier

INTERRUPTIBLE = "work", "find", "load"  # they run user code


def work(name, arguments, named, options):
    """Call a function by its name. Returns the body of its result."""
    PY3 or sys.exc_clear()  # what the start of the core left there is not the function's to see
    return encode(find(name)(*arguments, **named))


def find(name):
    """The function with this name: `module.function`, `module:Class.method`, or a builtin's name."""
    module, colon, path = name.partition(":")
    names = (path or module).split(".")
    if not colon:
        module = names.pop(0) if len(names) > 1 else text.__module__
    load(module)
    found = sys.modules[module]
    for part in names:
        module += "." + part
        if not hasattr(found, part):
            __import__(module)
        found = getattr(found, part)
    return found


def load(module):
    """Import a module. One of the second tier needs no importer, which takes 2 ms to load."""
    parent, _, child = module.rpartition(".")
    if parent == "econtext" and fetch(module)[4:]:
        tier(str(child))  # Python 2 has no text as the name of a module
    else:
        __import__(module)


def install():
    """From now on the core calls `work` directly."""
    econtext.install(work=work)
