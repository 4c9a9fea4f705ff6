"""econtext.records: what the master has told about its modules, by name and by place.

Second tier: comes with econtext.importer. Twin: src/modules/python/responder.ts. What a record
holds: docs/protocol.md, "Module records".

A module of the master's is found by its dotted name, when nothing else has it; or by its place, the
path on the master without `.py`: its package's `__path__` leads there, or an entry of sys.path. A
path here is the master's own behind ROOT, which no file here has: `open`, `os.stat` and their like
answer for those (econtext.package_files).
"""
import os

from econtext import PY3, absorb, fetch, modules, offers, tier

ROOT = "/econtext-master"  # twin: FORWARDED in src/modules/python/responder.ts
# `site` imports these. This machine's own are meant, and never the master's.
OF_SITE = "sitecustomize", "usercustomize"
process = os.getpid()
places = {}  # path without .py: record; of what has come
indexed = set()  # names of the records that are in there


def native(path):
    """Return a path of the master's in the type that this Python has for paths."""
    return path if PY3 or type(path) is str else path.encode("utf-8")


def look(name, *listings):
    """Return the master's record of that name, or None.

    A listing is (a record that has come, what it must have among its children).
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
    """Take in all that was offered. Returns the record of the top."""
    if os.getpid() != process:
        return modules.get("")
    while offers:
        absorb(offers.pop(0))
    return fetch("")


def record_of(name):
    """Return the record of a dotted name, or None."""
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
    """Return the record of a module at a path of the master's, without .py, or None.

    exact: also if an import by its name does not reach that module.
    """
    top = take_offers()
    if not top:
        return None
    index()
    folder, _, child = place.rpartition("/")
    if child == "__init__" and folder in places:
        # A package's own file, as a module of its own.
        return [place, places[folder][1], False, None, places[folder][4]]
    if place not in places:
        parent = top if folder in [native(root) for root in top[1]] else places.get(folder)
        if parent and parent[0][:1] != "/" and not exact:
            # Usually its dotted name leads to it.
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
    """Whether a folder is that of a package that has come, with an __init__.py."""
    index()
    record = places.get(folder)
    return bool(record) and record[2] and not isinstance(record[1], list)


def paths_of(record):
    """Return the file of a record's module, or the folders of a namespace package."""
    return [native(path) for path in (record[1] if isinstance(record[1], list) else [record[1]])]


def folders_of(record):
    """Return the __path__ of a package."""
    return [ROOT + stem(path) for path in paths_of(record)]


def stem(path):
    """Return the place of a file: the path without .py, or the folder of a package."""
    if path.endswith("/__init__.py"):
        return path[:-12]
    folder, _, name = path.rpartition("/")
    return folder + "/" + name[:-3].replace(".", "_") if name.endswith(".py") else path


def source_of(record):
    """Return a record's source: text, or the bytes of a file that is not UTF-8."""
    return record[4] if not isinstance(record[4], list) else record[4][0].encode("latin-1")
