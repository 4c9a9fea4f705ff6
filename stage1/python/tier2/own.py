"""econtext.own: modules that a call names by their files, `econtext.own.ROOT//PLACE` quoted as in a
URL: those run, whatever else has their names.

Second tier. Such a module gets its plain name where that leads to it, as any import of it would.
Where this interpreter has a module of that name, or another root does, its topmost package or
itself is `econtext_own.NAME`. Twin: src/functions/describe-function.ts (nameByFile).
"""
import sys

from econtext import PY3
from econtext.importer import Loader, join, take_site
from econtext.records import ROOT, record_at, record_of, stem

if not PY3:
    import imp

INTERRUPTIBLE = ("find",)  # it runs user code
__path__ = []
PACKAGE = "econtext_own"  # not a name of ours: what is in there is the user's
aliases = {}  # name of a module: its place


def find(name):
    """The module that a call named, for an import of it below this one."""
    if name[:3] != "%2F" or "." in name:
        return None  # a dot leads to what the file does not have
    root, _, place = unquoted(name).partition("//")
    steps = place.replace(".", "_").split("/")
    top = steps[0]
    if not leads_to(top, root + "/" + top):
        top = PACKAGE + "." + top
        while aliases.setdefault(top, root + "/" + steps[0]) != root + "/" + steps[0]:
            top += "_"
    name = ".".join([top] + steps[1:])
    join()
    __import__(name)
    return sys.modules[name]


def unquoted(name):
    """A path, of which the master sends all but letters and digits as in a URL."""
    first, rest = name.split("%", 1)
    data = bytearray(first.encode("ascii"))
    for part in rest.split("%"):
        data.append(int(part[:2], 16))
        data.extend(part[2:].encode("ascii"))
    return data.decode("utf-8") if PY3 else bytes(data)


def aliased(name):
    """The record of a module that has such a name."""
    return name in aliases and record_at(aliases[name], True) or None


def leads_to(name, place):
    """Whether an import of `name` gives the module at that place."""
    if name in sys.modules:
        return is_at(getattr(sys.modules[name], "__loader__", None), place)
    if not PY3:
        take_site()
        try:
            imp.find_module(name)
            return False
        except ImportError:
            record = record_of(name)
            return bool(record) and is_at(Loader(name, record), place)
    for finder in sys.meta_path:
        spec = finder.find_spec(name, None)
        if spec:
            return is_at(spec.loader, place)
    return False


def is_at(loader, place):
    return isinstance(loader, Loader) and stem(loader.path or "") == ROOT + place


package = sys.modules[PACKAGE] = type(sys)(PACKAGE)
package.__path__ = []
