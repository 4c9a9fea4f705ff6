# The Python core: everything that a context needs from its first message to its end.
#
# The files of this folder are parts of one program. The build joins them in this order: codec,
# modules, stream, end, calls, logs, guard, boot (scripts/stage1.ts). The first stage inflates the
# result and runs it as the main module; the core makes it the module `econtext`. One source
# serves Python 2.7 and 3.6 to 3.13. Each part is compiled by itself, because the memory of a
# compiler grows with the text, and fresh memory costs time. The guard compiles its part itself.
#
# The core imports only what every interpreter has and what is cheap: the C half of json, no
# threading, no logging, no site, no os. What only some contexts need is in ../tier2: these files
# come later, as modules `econtext.NAME`.
#
# The bytes on the wire: docs/protocol.md. The order of events: docs/how-it-works.md. Twins:
# src/mux/stream.ts, src/mux/router.ts, stage1/javascript/core.
#
# There are two threads. The main thread runs user code; meanwhile the I/O thread keeps control.
# The thread that holds `role` reads the stream: the main thread while it waits for a call, else
# the I/O thread. So a short call wakes no other thread.
#
# This file: constants, and values as JSON.

# The first stage has imported fcntl, posix, select, struct, zlib and all names of sys, and left `r`
# and `v` (stage1/python/first_stage.py). Signals, poll events and the like are written as numbers,
# which are the same everywhere: that is shorter.
import sys
from _collections import deque
from itertools import count
from time import time

try:
    import _signal as signal, _thread as thread
except ImportError:
    import signal, thread

# -- Handles -- docs/protocol.md, "Handles"; twin: src/protocol/handles.ts ------------------------
GET_MODULE, CALL_FUNCTION, FORWARD_LOG, LOAD_MODULE, CANCEL, PING = range(100, 106)

# -- Flags of a frame -----------------------------------------------------------------------------
MORE, CONT, DEAD, ERROR = 1, 2, 4, 8

HEAD = struct.Struct(">6I")
MAX_FRAME = 1 << 18
PIPE_BUF = 1 << 12  # what a descriptor that polls writeable takes without blocking: POSIX
BUSY = 4, 11, 35  # EINTR, EAGAIN of Linux and of BSD
# stage1/sh/run_python.sh has set this for the start of the interpreter only: user code gets the
# value that was there before.
name = b"PYTHONSAFEPATH"
safe = posix.environ.pop(name, b"")[1:]
posix.unsetenv(name)
if safe:
    posix.environ[name] = safe
    posix.putenv(name, safe)

# `import os` takes more than a millisecond. Python 2 needs it before the core's finder is there,
# and the switch needs it in Python 3.6.
os = posix if v > (3, 7) else __import__("os")
PY3 = v[0] > 2
text = type(u"")
__name__ = "econtext"
__package__ = ""  # else Python 2 looks for every import beside this module first


# -- Values: JSON by the C code of the interpreter; `import json` would cost 7 ms ------------------
try:
    import _json

    class Options:
        strict = True
        # Of the last: NaN is not JSON, so calling it fails.
        object_hook = object_pairs_hook = parse_constant = None
        parse_float = float
        parse_int = int
        encoding = "utf-8"

    encoder = _json.make_encoder(
        None,
        repr,
        # Python 2.7 has the ASCII one only.
        getattr(_json, "encode_basestring", _json.encode_basestring_ascii),
        None,
        ":",
        ",",
        False,
        False,
        False
    )

    # Returns the JSON text of a value of JSON's own types.
    dumps = lambda value: "".join(encoder(value, 0))

    scanner = _json.make_scanner(Options)

    # Returns the value of JSON text. Only our own codecs write such text, so this does not check
    # that nothing follows the value.
    loads = lambda body: scanner(body.decode("utf-8"), 0)[0]

    loads(b"0")
except Exception:
    # Debian's minimal Pythons have no JSON. These two serve the first messages, which the master
    # itself wrote and which hold no values. Before the first call, econtext.json_codec replaces
    # both.
    Options = None

    dumps = lambda value: repr(value).replace("'", '"')
    loads = lambda body: eval(body, {"null": None, "true": True, "false": False})


def plain(value, depth=0):
    """Whether JSON alone can express a value. All other values are for econtext.values."""
    kind = type(value)
    depth += 1
    if kind in (list, tuple):
        return depth < 99 and all([plain(v, depth) for v in value])
    if kind is dict:
        return plain(list(value.values()), depth) and all(
            [type(k) in (str, text) and plain(k) and k[:1] != "!" for k in value]
        )
    if kind is int:
        return abs(value) < 1 << 53
    if kind is float:
        return value - value == 0
    if kind in (str, text):
        return PY3 or [value.encode("ascii")]  # else it raises UnicodeError
    return value is None or kind is bool


def encode(value):
    """Returns the body of a value. econtext.values refuses a value that is too large."""
    try:
        if plain(value):
            body = dumps(value).encode("utf-8")
            if len(body) <= 1 << 28:
                return body
    except UnicodeError:
        pass
    return tier("values").body(value)


def decode(body):
    """Returns the value of a body."""
    if body[:1] != b"\0" and b'"!' not in body:
        return loads(body)
    return tier("values").decode(body)
