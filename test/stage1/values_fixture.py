"""Runs stage1/python/tier2/values for test/stage1/values.test.ts, under whatever Python
runs this: VALUES_PY JSON MODE [VECTORS_JSON].

The core is not needed: a stand-in module `econtext` gives the codec what it takes from the core.
JSON is `c` for the interpreter's own JSON, or `own` for stage1/python/tier2/json_codec.py. Modes:
`vectors` and `checks` print one JSON document; `echo` sends back, encoded anew, each body that it
is sent.
"""
import json
import os
import struct
import sys
import types
from binascii import hexlify, unhexlify

PY3 = sys.version_info[0] > 2
text = type(u"")


class Options(object):
    """As the core's."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float = float
    parse_int = int
    encoding = "utf-8"


def load(path, name):
    """A module of the second tier: a file, or a folder of parts that the build joins."""
    module = types.ModuleType(name)
    parts = [path + "/" + part + ".py" for part in ("types", "decode")] if os.path.isdir(path) else [path]
    text = b""
    for part in parts:
        with open(part, "rb") as source:
            text += source.read()
    exec(compile(text, path, "exec"), module.__dict__)
    return module


def load_codec(path, is_own):
    core = types.ModuleType("econtext")
    core.PY3 = PY3
    core.text = text
    core.dumps = lambda value: json.dumps(value, ensure_ascii=not PY3, allow_nan=False, separators=(",", ":"))
    core.Options = None if is_own else Options
    sys.modules["econtext"] = core
    # References stay what they are.
    channels = types.ModuleType("econtext.channels")
    channels.adopt = lambda *fields: codec.SenderReference(*fields)
    channels.refer = lambda value: None
    tier = {"channels": channels}
    core.tier = tier.get
    core.install = core.__dict__.update
    core.find = load_codec
    tier["failures"] = load(path.replace("values", "failures.py"), "econtext.failures")
    if is_own:
        tier["json_codec"] = load(path.replace("values", "json_codec.py"), "econtext.json_codec")
        tier["json_codec"].install()
    codec = sys.modules["econtext.values"] = load(path, "econtext.values")
    tier["value_encode"] = load(path.replace("values", "value_encode.py"), "econtext.value_encode")
    return codec, tier["failures"]


# -- The notation of test/vectors/README.md
# ---------------------------------------------------------
def describe(value):
    if value is None or value is True or value is False or isinstance(value, text):
        return value
    if isinstance(value, float):
        finite = value - value == 0
        if finite and value != int(value) and abs(value) >= 1e-300:
            return value
        if finite and value == int(value) and abs(value) < 2**53 and str(value) != "-0.0":
            return int(value)
        # The sign of a NaN means nothing, and Python 2.7 makes some with it.
        return {"float": hex_of(struct.pack(">d", value)) if value == value else "7ff8000000000000"}
    if isinstance(value, codec.integers):
        return value if abs(value) < 2**53 else {"integer": "%d" % value}
    if isinstance(value, codec.Bytes):
        return {"bytes": hex_of(value)}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, text) for key in value):
            return {"object": [[key, describe(value[key])] for key in value]}
        return {"map": [[describe(key), describe(value[key])] for key in value]}
    if isinstance(value, (set, frozenset)):
        return {"set": [describe(item) for item in value]}
    if isinstance(value, codec.RemoteError):
        return {"error": [value.type, value.message, value.traceback]}
    if isinstance(value, codec.SenderReference):
        return {"sender": [value.id, value.handle]}
    if isinstance(value, codec.GeneratorReference):
        return {"generator": [value.id, value.handle]}
    import datetime

    assert type(value) is datetime.datetime and value.utcoffset() == datetime.timedelta(0), value
    delta = value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
    us = (delta.days * 86400 + delta.seconds) * 1000000 + delta.microseconds
    return {"date": us / 1000.0 if us % 1000 else us // 1000}


def hex_of(data):
    return hexlify(bytes(data)).decode()


def build(notation):
    if isinstance(notation, list):
        return [build(item) for item in notation]
    if not isinstance(notation, dict):
        return notation
    ((kind, content),) = notation.items()
    if kind == "object" or kind == "map":
        return dict((hashable(build(key)), build(value)) for key, value in content)
    if kind == "set":
        return set(hashable(build(item)) for item in content)
    if kind == "bytes":
        return codec.Bytes(unhexlify(content))
    if kind == "integer":
        return int(content)
    if kind == "float":
        return struct.unpack(">d", unhexlify(content))[0]
    if kind == "date":
        import datetime

        return datetime.datetime(1970, 1, 1, tzinfo=zone(0)) + datetime.timedelta(milliseconds=content)
    if kind == "undefined":
        return None
    return {
        "error": codec.RemoteError,
        "sender": codec.SenderReference,
    }[kind](*content)


def hashable(value):
    if isinstance(value, list):
        return tuple(hashable(item) for item in value)
    return frozenset(value) if isinstance(value, set) else value


def zone(hours):
    """A zone east of UTC, made so that Python 2.7 can, too."""
    import datetime

    class Zone(datetime.tzinfo):
        def utcoffset(self, _):
            return datetime.timedelta(hours=hours)

        def dst(self, _):
            return datetime.timedelta(0)

    return Zone()


# -- Modes
# ------------------------------------------------------------------------------------------
def body_of(vector):
    if "hex" in vector:
        return unhexlify(vector["hex"])
    source = vector["text"].encode("utf-8")
    if "parts" not in vector:
        return source
    return struct.pack(">BI", 0, len(source)) + source + b"".join(map(unhexlify, vector["parts"]))


def outcome(function, *args):
    """`value` or `refused` and what; anything but a ValueError is a crash and ends the run."""
    try:
        return {"value": function(*args)}
    except ValueError as e:
        return {"refused": str(e)}


def run_vector(vector):
    body = body_of(vector)
    result = outcome(lambda: describe(codec.decode(body)))
    result["name"] = vector["name"]
    if "value" in vector and "python" not in vector and not vector.get("decodeOnly"):
        encoded = b"".join(codec.encode(build(vector["value"])))
        result["encoded"] = hex_of(encoded)
        result["again"] = describe(codec.decode(encoded))
    # Long bodies are one thing many times over: their ends are enough.
    cuts = range(len(body)) if len(body) < 500 else list(range(50)) + list(range(len(body) - 50, len(body)))
    result["accepted"] = [cut for cut in cuts if "value" in outcome(codec.decode, body[:cut])]
    return result


def run_checks():
    """What is Python's own: `[what, what it came to]` for each thing that is wrong."""
    import collections
    import datetime
    import math
    import os
    import random
    import socket
    import time

    failed = []

    def same(what, is_, should):
        if is_ != should or type(is_) is not type(should):
            failed.append([what, repr(is_)[:300]])

    def echo(value):
        return codec.decode(b"".join(codec.encode(value)))

    def refusal(value, **options):
        try:
            codec.encode(value, **options)
        except TypeError as e:
            return str(e)
        return "not refused"

    class Socket(object):
        pass

    cycle = {u"a": [1, {}]}
    cycle[u"a"][1][u"b c"] = cycle
    deep = []
    for _ in range(100):
        deep = [deep]
    listener = socket.socket()
    listener.close()
    socket_type = type(listener)
    for value, message in [
        ({u"socket": listener}, ".socket: a %s" % str(failures.type_name(socket_type))),
        ([Socket()], "[0]: a " + str(failures.type_name(Socket))),
        (lambda: 0, ": a function"),
        ((x for x in ()), ": a generator (list(...) of it can be sent)"),
        (object, ": a type"),
        (1j, ": a complex"),
        (datetime.date(2020, 1, 1), ": a datetime.date"),
        ({u"a b": [1, 2, {3: object()}]}, '["a b"][2][0][1]: an object'),
        ({(1, 2): 1, (1, Socket): 2}, None),
        ([[u"\ud800"]], "[0][0]: text with a lone surrogate"),
        (cycle, '.a[1]["b c"]: it contains itself'),
        (10**4300, ": an integer of more than 4300 digits"),
        (-(10**5000), ": an integer of more than 4300 digits"),
        ([set([frozenset([object])])], "[0][0][0]: a type"),
    ]:
        if message:
            same(message, refusal(value), "cannot send result" + message)
        else:
            same("a key", refusal(value).rsplit(":", 1)[1], " a type")
    same("root", refusal([1, object], root="args"), "cannot send args[1]: a type")
    path = "cannot send result" + "[0]" * 11 + "...[0]: nested deeper than 100"
    same("deep path", refusal(deep), path)
    same("deep", refusal(deep).rsplit(": ", 1)[1], "nested deeper than 100")
    same("deep enough", refusal(deep[0]), "not refused")
    same("deep bytes", refusal(nested(99, b"\xff")).rsplit(": ", 1)[1], "nested deeper than 100")
    same("bytes that are deep enough", refusal(nested(98, b"\xff")), "not refused")
    same("name with a lone surrogate", refusal({u"\udc00": 1}).rsplit(": ", 1)[1], "text with a lone surrogate")

    point = collections.namedtuple("Point", "x y")(1, 2)
    same("namedtuple", echo(point), [1, 2])
    same("OrderedDict", echo(collections.OrderedDict([(u"a", 1)])), {u"a": 1})
    same("defaultdict", echo(collections.defaultdict(list, {2: []})), {2: []})
    same("bool", echo([True, False]), [True, False])
    same("frozenset", echo(frozenset([1])), set([1]))
    same("set of tuples", echo(set([(1, (2, 3))])), set([(1, (2, 3))]))
    same("bytearray", echo(bytearray(b"\xff")), codec.Bytes(b"\xff"))
    same("memoryview", echo(memoryview(b"\xff\0"))[:1], codec.Bytes(b"\xff")[:1])
    same("bytes echoed", echo(echo(bytearray(b"abc"))), codec.Bytes(b"abc"))
    same("float", echo(2.0**60), 2.0**60)
    same("exception", echo(KeyError(u"k")).type, u"KeyError")
    same("exception's module", echo(socket.timeout()).type.split(u".")[-1] in (u"timeout", u"TimeoutError"), True)
    same("exception's message", echo(ValueError(u"h\xe9")).message, u"h\xe9")
    same("exception with a surrogate", echo(ValueError(u"\ud800")).message, u"\\ud800")
    if PY3:
        import enum

        same("IntEnum", echo([enum.IntEnum("E", "A B").B]), [2])
        same("IntEnum, a type", type(echo([enum.IntEnum("E", "A B").B])[0]), int)
        same("text that is an Enum", echo(enum.Enum("C", {"A": "a"}, type=str).A), "a")
        try:
            raise KeyError("there")
        except KeyError as e:
            same("traceback", echo(e).traceback.splitlines()[-1], "KeyError: 'there'")
    else:
        same("str that is UTF-8", echo("h\xc3\xa9"), u"h\xe9")
        same("str that is not", echo("h\xe9"), codec.Bytes("h\xe9"))
        same("str with a surrogate", echo("\xed\xa0\x80"), codec.Bytes("\xed\xa0\x80"))
        same("str as a key", echo({"h\xc3\xa9": 1}), {u"h\xe9": 1})
        same("bytes as a key", echo({"h\xe9": 1}), {codec.Bytes("h\xe9"): 1})
        same("pair of surrogates", echo([u"\U0001f600", set()]), [u"\U0001f600", set()])

    utc = datetime.datetime(2024, 2, 29, 12, 0, 0, 123456, zone(0))
    same("aware", echo(utc), utc)
    same("aware, elsewhere", echo(utc.astimezone(zone(-5.5))), utc)
    now = time.time()
    naive = datetime.datetime.fromtimestamp(now)
    local = datetime.datetime(*time.gmtime(now)[:6], microsecond=naive.microsecond, tzinfo=zone(0))
    same("naive", echo(naive), local)
    for zone_name in "UTC", "Europe/Berlin", "America/New_York":
        os.environ["TZ"] = zone_name
        time.tzset()
        for year in list(range(1, 9999, 371)) + [2, 68, 69, 99, 1899, 1900, 1969, 1970, 2038, 9998]:
            for month, hour in (1, 0), (7, 12), (12, 23):
                naive = datetime.datetime(year, month, 15, hour, 59, 58, 7)
                utc_then = echo(naive).replace(tzinfo=None)
                seconds = (utc_then - datetime.datetime(1970, 1, 1)).total_seconds()
                # Beyond what a float holds, microseconds are dropped.
                shown = datetime.datetime(*time.localtime(math.floor(seconds))[:6])
                same("naive in " + zone_name, shown, naive.replace(microsecond=0))
        # Put forward at 2:00, put back at 3:00.
        turns = {"Europe/Berlin": [((3, 31, 2, 30), (1, 30)), ((10, 27, 2, 30), (0, 30)), ((10, 27, 3, 30), (2, 30))]}
        for (month, day, hour, minute), (utc_hour, utc_minute) in turns.get(zone_name, []):
            then = echo(datetime.datetime(2024, month, day, hour, minute)).replace(tzinfo=None)
            same("a turn of the clock", then, datetime.datetime(2024, month, day, utc_hour, utc_minute))
    os.environ["TZ"] = "UTC"
    time.tzset()
    for extreme in datetime.datetime.min, datetime.datetime.max.replace(microsecond=0):
        same("naive, the extremes", echo(extreme).replace(tzinfo=None), extreme)
    same("latest", echo(datetime.datetime.max.replace(tzinfo=zone(0))).year, 9999)
    same("earliest", echo(datetime.datetime.min.replace(tzinfo=zone(0))).year, 1)
    dice = random.Random(int(now))
    for _ in range(2000):
        when = utc + datetime.timedelta(days=dice.randrange(-80000, 80000), microseconds=dice.randrange(86400000000))
        same("date", echo(when), when)
    return failed


def nested(levels, value):
    for _ in range(levels):
        value = [value]
    return value


def run_echo():
    source = getattr(sys.stdin, "buffer", sys.stdin)
    sink = getattr(sys.stdout, "buffer", sys.stdout)
    while True:
        head = source.read(4)
        if len(head) < 4:
            return
        body = b"".join(codec.encode(codec.decode(source.read(struct.unpack(">I", head)[0]))))
        sink.write(struct.pack(">I", len(body)) + body)
        sink.flush()


codec, failures = load_codec(sys.argv[1], sys.argv[2] == "own")
if sys.argv[3] == "echo":
    run_echo()
elif sys.argv[3] == "checks":
    print(json.dumps(run_checks()))
else:
    with open(sys.argv[4], "rb") as table:
        vectors = json.loads(table.read().decode("utf-8"))
    print(json.dumps([run_vector(vector) for vector in vectors]))
