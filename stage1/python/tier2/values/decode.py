# econtext.values, part 2: from a body to a value. Twin: src/protocol/value-decode.ts.

def decode(body):
    """The value of a whole body. Raises ValueError.

    The raw parts of a large body are not behind it, but beside it (econtext.large_messages).
    """
    parts = getattr(body, "parts", b"")
    if body[:1] == b"\0":
        if len(body) < 5:
            raise ValueError("malformed value: a header cut short")
        end = 5 + struct.unpack(">I", body[1:5])[0]
        if end > len(body):
            raise ValueError("malformed value: text cut short")
        parts = parts or memoryview(body)[end:]
        body = body[5:end]
    if lone(body):
        raise ValueError("malformed value: text that is not UTF-8")
    decoder = Decoder(parts)
    try:
        value = parse(body.decode("utf-8"), decoder.revive)
    except (TypeError, OverflowError, RuntimeError) as e:  # RuntimeError: nested too deep
        raise ValueError("malformed value: %s" % e)
    if decoder.used != len(parts):
        raise ValueError("malformed value: parts that no value has")
    return value


def plain(body):
    """The bytes that a body is nothing but, in place; None if it is another value."""
    end = 5 + struct.unpack(">I", bytes(body[1:5]))[0] if body[:1] == b"\0" else 0
    if end and body[5:end] == b'{"!b":[0,%d]}' % (len(body) - end):
        return memoryview(body)[end:]
    return None


def view(body):
    """The bytes that a body is the value of, in place."""
    data = plain(body)
    if data is not None:
        return data
    value = decode(body)
    return memoryview(value.encode("utf-8") if isinstance(value, text) else value)


def parse(source, hook):
    """The value of JSON text; `hook` sees each object, innermost first."""
    if not Options:
        return econtext.tier("json_codec").parse(source, hook)
    from _json import make_scanner

    options = Options()
    options.object_hook = hook
    try:
        value, end = make_scanner(options)(source, 0)
    except StopIteration:
        end = -1
    if end != len(source):
        raise ValueError("not JSON")
    return value


class Decoder(object):
    """One decoding under way. The parser shows each object to `revive`, the innermost first."""

    def __init__(self, parts):
        self.whole = parts
        self.parts = memoryview(parts)
        self.used = 0  # bytes of the parts that were given out: in the end, all of them

    def revive(self, members):
        if len(members) != 1:
            return members
        ((tag, content),) = members.items()
        if tag[:1] != "!":
            return members
        if tag == "!b":
            offset, length = typed(content, integers, integers)
            self.used += length
            if offset == 0 and length == len(self.parts) and isinstance(self.whole, bytes):
                return Bytes(self.whole)  # itself, in Python 3
            if offset >= 0 and length >= 0 and max(offset + length, self.used) <= len(self.parts):
                return Bytes(self.parts[offset : offset + length].tobytes() if length else b"")
        elif tag == "!i":
            if isinstance(content, text) and len(content.lstrip("-")) <= MAX_DIGITS:
                value = int(content)
                if "%d" % value == content:
                    return value
        elif tag == "!f":
            if content in ("nan", "inf", "-inf", "-0"):
                return float(content)
            # A float with an integral value beyond 2^53 that JavaScript would write without an
            # exponent.
            if isinstance(content, text) and 15 < len(content) < 23 and content.lstrip("-").isdigit():
                return float(content)
        elif tag == "!d":
            return point(content)
        elif tag == "!s":
            if type(content) is list:
                return distinct(set(map(hashable, content)), content)
        elif tag == "!m":
            if type(content) is list:
                pairs = [typed(pair, object, object) for pair in content]
                return distinct(dict((hashable(key), value) for key, value in pairs), content)
        elif tag == "!u":
            if content == 0:
                return None
        elif tag == "!e":
            return RemoteError(*typed(content, text, text, text))
        elif tag == "!h":
            return channels().adopt(*typed(content, integers, integers))
        elif tag == "!g":
            return GeneratorReference(*typed(content, integers, integers))
        elif tag == "!o":
            name, value = typed(typed(content, list)[0], text, object)
            if name[:1] == "!":
                return {name: value}
        raise ValueError("malformed value: bad " + tag[:20])


def typed(content, *kinds):
    """`content`, if it is the list of just these kinds."""
    if type(content) is list and len(content) == len(kinds) and all(map(isinstance, content, kinds)):
        return content
    raise ValueError("malformed value: %d members expected" % len(kinds))


def hashable(value):
    """A list or a set as what Python takes for a key or for a member of a set."""
    if isinstance(value, list):
        return tuple(map(hashable, value))
    if isinstance(value, set):
        return frozenset(value)
    if isinstance(value, dict):
        raise ValueError("Python cannot hold a dict in a set or as a key")
    return value


def distinct(value, content):
    """Refuse to lose in silence what is two things elsewhere: 1, True, and 1.0 are one key here."""
    if len(value) != len(content):
        raise ValueError("Python holds two members of a set, or two keys, to be equal")
    return value


utc = None


def point(ms):
    """An aware datetime, UTC."""
    global utc
    import datetime

    if utc is None:
        if PY3:
            utc = datetime.timezone.utc
        else:

            class UTC(datetime.tzinfo):
                def utcoffset(self, _):
                    return datetime.timedelta(0)

                dst = utcoffset

                def tzname(self, _):
                    return "UTC"

                def __repr__(self):
                    return "UTC"

            utc = UTC()
    return datetime.datetime(1970, 1, 1, tzinfo=utc) + datetime.timedelta(milliseconds=ms)
