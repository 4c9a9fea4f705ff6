"""econtext.importer: what user code imports and this interpreter does not have comes from the
master.

Second tier: a context whose functions are all in the standard library never needs it. Twin:
src/modules/python/responder.ts. The records: docs/protocol.md, "Module records".

A module of the master's is found by its dotted name, when nothing else has it; or by its place, the
path on the master without `.py`: its package's `__path__` leads there, or an entry of sys.path. A
path here is the master's own behind ROOT, which no file here has: `open`, `os.stat` and their like
answer for those (econtext.package_files).

The build joins the files of this folder to one module, in this order: records, finders
(scripts/stage1.ts).
"""
import os
import sys

from econtext import PY3, Finder, fetch, modules, tier  # sent along: forks, path_watch

if PY3:
    from _frozen_importlib_external import FileFinder, SourceFileLoader
else:
    import imp

    FileFinder = SourceFileLoader = object

INTERRUPTIBLE = "load_module", "exec_module"  # which run user code, or wait as that would
ROOT = "/econtext-master"  # twin: FORWARDED in src/modules/python/responder.ts
OF_SITE = "sitecustomize", "usercustomize"  # `site` imports these: this machine's own are meant, and never the master's
process = os.getpid()
places = {}  # path without .py: record; of what has come
indexed = set()  # names of the records that are in there


def native(path):
    """A path as this Python has paths."""
    return path if PY3 or type(path) is str else path.encode("utf-8")


# -- Records ---------------------------------------------------------------------------------------
def look(name, *listings):
    """The master's record of that name, or None. A listing is (a record that has come, what it must
    have among its children).
    """
    if name not in modules:
        for known, child in listings:
            if known and (len(known) < 4 or known[3] is not None and child not in known[3]):
                return None
        if os.getpid() != process:
            # A fork has no thread that reads the answer.
            raise ImportError("cannot import %s: %s; import it before the fork" % (name, tier("forks").problem()))
    record = fetch(name)
    return record if len(record) > 1 else None


def take_offers():
    """The record of the top, when all that was offered is in."""
    return fetch("") if os.getpid() == process else modules.get("")


def record_of(name):
    """The record of a dotted name."""
    if name[:9] == "econtext." or name in OF_SITE:
        return None
    top = take_offers()
    parent, _, child = name.rpartition(".")
    if parent == "econtext_own":
        return tier("own").aliased(name)
    if not PY3 and type(name) is str:
        return record_of(name.decode("utf-8", "replace"))  # as the lists have it
    return top and look(name, (top, name.partition(".")[0]), (modules.get(parent), child))


def record_at(place, exact=False):
    """The record of a module at a path of the master's, without .py; `exact`: also of one that an
    import by its name does not reach.
    """
    top = take_offers()
    if not top:
        return None
    index()
    folder, _, child = place.rpartition("/")
    if child == "__init__" and folder in places:
        return [place, places[folder][1], False, None, places[folder][4]]  # a package's own file, as a module of its own
    if place not in places:
        parent = top if folder in [native(root) for root in top[1]] else places.get(folder)
        if parent and parent[0][:1] != "/" and not exact:
            # Mostly it is what its dotted name leads to.
            record = record_of((parent[0] + "." if parent[0] else "") + child)
            return record if record and place in [stem(path) for path in paths_of(record)] else None
        record = look(place if PY3 else place.decode("utf-8"), (parent, child))
        if record:
            places[place] = record
    return places.get(place)


def index():
    """Note the places of the records that have come."""
    for name in set(modules) - indexed:
        indexed.add(name)
        record = modules[name]
        if len(record) > 1 and record[1]:
            for path in paths_of(record):
                places.setdefault(stem(path), record)


def is_package(folder):
    """Whether that is the folder of a package that has come, with an __init__.py."""
    index()
    record = places.get(folder)
    return bool(record) and record[2] and not isinstance(record[1], list)


def paths_of(record):
    """Its file; the folders of a namespace package."""
    return [native(path) for path in (record[1] if isinstance(record[1], list) else [record[1]])]


def stem(path):
    """Where a module is: without .py, or the folder of a package."""
    if path.endswith("/__init__.py"):
        return path[:-12]
    folder, _, name = path.rpartition("/")
    return folder + "/" + name[:-3].replace(".", "_") if name.endswith(".py") else path


def source_of(record):
    """Text, or the bytes of a file that is not UTF-8."""
    return record[4] if not isinstance(record[4], list) else record[4][0].encode("latin-1")
