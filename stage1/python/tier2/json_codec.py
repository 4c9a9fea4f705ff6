"""econtext.json_codec: JSON for a Python that has none, such as Debian's python3-minimal.

Second tier: the core fetches it before the first call, where `_json` is missing, and uses it from
then on in place of its own two functions. Slower than the C code, and as strict. Raises ValueError
for what is not JSON, RuntimeError for what is nested too deep.
"""
import re
import struct

import econtext
from econtext import PY3, text

SPACE = re.compile(u"[ \t\n\r]*")
PLAIN = re.compile(u'[^"\\\\\0-\37]*')
NUMBER = re.compile(u"-?(?:0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?")
# A character beyond 16 bits is two escapes.
ESCAPED = re.compile(u"[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}|[0-9a-fA-F]{4}")
ESCAPES = dict(zip(u'/"\\bfnrt', u'/"\\\b\f\n\r\t'))
SHORT = dict((ESCAPES[letter], u"\\" + letter) for letter in ESCAPES)
WORDS = {u"n": (u"null", None), u"t": (u"true", True), u"f": (u"false", False)}
# Python 2.7 would let half a pair of surrogates through as bytes that are not UTF-8: there, all of
# them are escaped.
SPECIAL = re.compile(u'[\0-\37"\\\\]' if PY3 else u'[^ !#-[\\]-~]')


# -- Decoding -------------------------------------------------------------------------------------
def loads(body):
    """The value of JSON text in UTF-8."""
    return parse(body.decode("utf-8"))


def parse(source, hook=None):
    """The value of JSON text. `hook` gets each object, the innermost first, and returns what stands
    for it.
    """
    value, end = Parser(source, hook).value(0)
    if end != len(source):
        raise ValueError("not JSON")
    return value


class Parser(object):
    """Each method takes a position and returns what it has read there, and the position behind
    that.
    """

    def __init__(self, source, hook):
        self.source = source
        self.hook = hook

    def value(self, at):
        first = self.source[at : at + 1]
        if first == u'"':
            return self.string(at + 1)
        if first == u"{":
            return self.object(at + 1)
        if first == u"[":
            return self.array(at + 1)
        if first in WORDS:
            word, value = WORDS[first]
            if self.source.startswith(word, at):
                return value, at + len(word)
        found = NUMBER.match(self.source, at)
        if not found:
            raise ValueError("not JSON")
        is_float = found.group(1) or found.group(2)
        return (float if is_float else int)(found.group()), found.end()

    def next(self, at):
        """The next character that is no space."""
        at = SPACE.match(self.source, at).end()
        return self.source[at : at + 1], at + 1

    def array(self, at):
        items = []
        last, end = self.next(at)
        while last != u"]":
            item, at = self.value(SPACE.match(self.source, at).end())
            items.append(item)
            last, end = self.next(at)
            if last not in (u",", u"]"):
                raise ValueError("not JSON")
            at = end
        return items, end

    def object(self, at):
        members = {}
        last, end = self.next(at)
        while last != u"}":
            quote, at = self.next(at)
            name, at = self.string(at) if quote == u'"' else (None, at)
            colon, at = self.next(at)
            if name is None or colon != u":":
                raise ValueError("not JSON")
            members[name], at = self.value(SPACE.match(self.source, at).end())
            last, end = self.next(at)
            if last not in (u",", u"}"):
                raise ValueError("not JSON")
            at = end
        return self.hook(members) if self.hook else members, end

    def string(self, at):
        """From behind the quote on."""
        parts = []
        while 1:
            end = PLAIN.match(self.source, at).end()
            parts.append(self.source[at:end])
            last, at = self.source[end : end + 1], end + 1
            if last == u'"':
                return u"".join(parts), at
            if last != u"\\":
                raise ValueError("not JSON")
            part, at = self.escape(at)
            parts.append(part)

    def escape(self, at):
        """From behind the backslash on."""
        kind = self.source[at : at + 1]
        if kind in ESCAPES:
            return ESCAPES[kind], at + 1
        found = kind == u"u" and ESCAPED.match(self.source, at + 1)
        if not found:
            raise ValueError("not JSON")
        units = [int(unit, 16) for unit in found.group().split(u"\\u")]
        if len(units) == 1:
            return (chr if PY3 else unichr)(units[0]), found.end()  # noqa: F821
        return struct.pack(">2H", *units).decode("utf-16-be"), found.end()


# -- Encoding -------------------------------------------------------------------------------------
def dumps(value):
    """JSON text of a value of JSON's own types."""
    parts = []
    write(value, parts.append)
    return u"".join(parts)


def write(value, add):
    if isinstance(value, str if PY3 else (str, text)):
        add(u'"%s"' % SPECIAL.sub(escape, value if isinstance(value, text) else value.decode("utf-8")))
    elif value is None:
        add(u"null")
    elif value is True or value is False:
        add(u"true" if value else u"false")
    elif isinstance(value, dict):
        add(u"{")
        comma = u""
        for name in value:
            add(comma)
            write(name, add)
            add(u":")
            write(value[name], add)
            comma = u","
        add(u"}")
    elif isinstance(value, (list, tuple)):
        add(u"[")
        comma = u""
        for item in value:
            add(comma)
            write(item, add)
            comma = u","
        add(u"]")
    else:
        add(text(repr(value) if isinstance(value, float) else "%d" % value))


def escape(found):
    if found.group() in SHORT:
        return SHORT[found.group()]
    units = found.group().encode("utf-16-be")
    return u"".join([u"\\u%04x" % unit for unit in struct.unpack(">%dH" % (len(units) // 2), units)])


def install():
    """Take the place of the core's two functions."""
    econtext.install(dumps=dumps, loads=loads)
