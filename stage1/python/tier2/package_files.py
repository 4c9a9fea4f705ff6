"""econtext.package_files: opens, lists and finds files beside modules that came from the master, by
their paths.

Second tier: fetched when the first such path is met. The master is asked once for each folder,
whatever is asked of it, and once for each file. What may be read is the master's decision:
src/modules/python/files.ts. The requests: docs/protocol.md, GET_MODULE.
"""
import errno
import io
import os
import stat as modes
import sys

from econtext import DEAD, GET_MODULE, PY3, ask, decode, modules  # sent along: values
from econtext.records import ROOT, index, is_package, native, places, source_of, stem
from econtext.path_watch import path_text, unread

# Modules between linecache and the function that it calls.
OURS = "econtext.package_files", "econtext.path_watch", "tokenize"
MAX_KEPT = 33554432  # bytes of files that are kept
folders = {}  # path: {name: (size, time)}; None: no folder that may be read
partial = set()  # folders listed before their package came: only names of modules are known
files = {}  # path: bytes; None: no file that may be read
metadata = {}  # (root, file's name): {distribution's folder: bytes}
kept = 0


# -- What the master has ---------------------------------------------------------------------------
def request(name, path):
    try:
        flags, body = ask(GET_MODULE, [name, path])
    except ImportError:
        raise unread(ROOT + path)
    return None if flags & DEAD else decode(body)


def roots():
    return [native(root) for root in modules[""][1]]


def listing(path):
    """What is in a folder of the master's, by name; None when it is no folder."""
    if path not in folders or path in partial and in_package(path):
        (partial.discard if in_package(path) else partial.add)(path)
        entries = request("", path + "/") if any((path + "/").startswith(root + "/") for root in roots()) else None
        folders[path] = entries if entries is None else dict([(native(e[0]), (e[1], e[2])) for e in entries])
    return folders[path]


def in_package(path):
    """Whether a folder is in a package that has come."""
    while path and not is_package(path):
        path = path.rpartition("/")[0]
    return path != ""


def entry(path):
    """(size, time) of a file, (-1, time) of a folder, else None. The folders above a root count as
    folders too.
    """
    if any((root + "/").startswith(path.rstrip("/") + "/") for root in roots()):
        return -1, 0
    folder, _, name = path.rpartition("/")
    entries = listing(folder)
    return entries.get(name) if entries else None


def content(path):
    """The bytes of a file of the master's; None when there is no such file."""
    global kept
    if path not in files:
        root, _, tail = path.rpartition("/")[0].rpartition("/")
        name = path.rpartition("/")[2]
        if root in roots() and name in ("entry_points.txt", "top_level.txt"):
            # Code that asks one distribution for these files asks all of them: one request brings
            # them.
            if (root, name) not in metadata:
                metadata[root, name] = request("*", root + "/" + name) or {}
            return metadata[root, name].get(tail)
        data = request("", path)
        kept += len(data or b"")
        if kept > MAX_KEPT:
            files.clear()
            kept = len(data or b"")
        files[path] = data
    return files[path]


def lines_of(path):
    """The source of a module, if linecache asks: its lines are here, and a traceback needs no more.
    None for all others.
    """
    frame = sys._getframe(1)
    while frame and frame.f_globals.get("__name__") in OURS:
        frame = frame.f_back
    if not frame or frame.f_globals.get("__name__") != "linecache":
        return None
    index()
    record = places.get(stem(path))
    source = record and source_of(record)
    return source if not record or type(source) is bytes else source.encode("utf-8")


# -- The functions that are served -----------------------------------------------------------------
def problem(number, path, kind=OSError):
    return kind(number, os.strerror(number), path)


def found(path, full, kind=OSError):
    """The entry of what must be there."""
    known = entry(path)
    if known is None:
        raise problem(errno.ENOENT, full, kind)
    return known


def os_stat(original, path, full, *arguments, **named):
    lines = lines_of(path)
    size, time = found(path, full) if lines is None else (len(lines), 0)
    mode = modes.S_IFDIR | 0o555 if size < 0 else modes.S_IFREG | 0o444
    number = hash(path) & 0x7FFFFFFF
    ns = int(time * 1e9)
    more = {"st_atime": time, "st_mtime": time, "st_ctime": time, "st_atime_ns": ns, "st_mtime_ns": ns, "st_ctime_ns": ns}
    fields = (mode, number, 0, 1, 0, 0, max(size, 0)) + (int(time),) * 3
    return os.stat_result(fields, more)


os_lstat = os_stat


def os_listdir(original, path, full):
    entries = listing(path) if found(path, full)[0] < 0 else None
    if entries is None:
        raise problem(errno.ENOTDIR, full)
    return [alike(name, full) for name in entries]


def alike(name, full):
    """As bytes, if the path is."""
    return os.fsencode(name) if PY3 and type(full) is bytes else name


class Entry(object):
    """What os.scandir gives."""

    def __init__(self, folder, name, size):
        self.name = name
        self.path = os.path.join(folder, name)
        self.size = size

    def is_dir(self, follow_symlinks=True):
        return self.size < 0

    def is_file(self, follow_symlinks=True):
        return self.size >= 0

    def is_symlink(self):
        return False

    is_junction = is_symlink

    def stat(self, follow_symlinks=True):
        return os.stat(self.path)

    def inode(self):
        return self.stat().st_ino

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return "<DirEntry %r>" % self.name


class Entries(object):
    def __init__(self, entries):
        self.entries = iter(entries)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.entries = iter(())


def os_scandir(original, path, full):
    if type(full) is not bytes:
        full = path_text(full)
    names = os_listdir(original, path, full)
    return Entries([Entry(full, name, folders[path][path_text(name)][0]) for name in names])


def os_access(original, path, full, mode=0, **named):
    known = entry(path)
    return known is not None and not mode & os.W_OK and (known[0] < 0 or not mode & os.X_OK)


def os_readlink(original, path, full, **named):
    found(path, full)
    raise problem(errno.EINVAL, full)


def os_listxattr(original, path, full, **named):
    found(path, full)
    return []


def readable(path, full, writes):
    """The bytes of what is opened."""
    if writes:
        raise problem(errno.EROFS, full, IOError)
    lines = lines_of(path)
    if lines is not None:
        return lines
    if found(path, full, IOError)[0] < 0:
        raise problem(errno.EISDIR, full, IOError)
    data = content(path)
    if data is None:
        raise problem(errno.EACCES, full, IOError)
    return data


def memory(data):
    """A descriptor of a file in memory; None where the system has none."""
    try:
        fd = os.memfd_create("econtext")
    except (AttributeError, OSError):
        return None
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def os_open(original, path, full, flags=0, *mode, **named):
    fd = memory(readable(path, full, flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)))
    if fd is None:
        raise problem(errno.ENOENT, full)
    return fd


class Bytes(io.BytesIO):
    """An open file, where there are no files in memory."""


def open(original, path, full, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    data = readable(path, full, set(mode) & set("wax+"))
    fd = memory(data) if PY3 else None
    if fd is not None:
        ours = [fd]
        try:
            return original(full, mode, buffering, encoding, errors, newline, opener=lambda *_: ours.pop())
        finally:
            # A mode that is no mode fails before the descriptor is taken over.
            for fd in ours:
                os.close(fd)
    raw = Bytes(data)
    raw.name = full
    raw.mode = "rb"
    return raw if "b" in mode else io.TextIOWrapper(raw, encoding, errors, newline)


io_open = open


def open_27(original, path, full, mode="r", buffering=-1):
    """Python 2's own: text is bytes."""
    data = readable(path, full, set(mode) & set("wa+"))
    raw = Bytes(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if "U" in mode else data)
    raw.name = full
    raw.mode = mode
    return raw


if not PY3:
    open = open_27


def serve(name, original, path, arguments, named):
    """What `original` would answer, by the function `name`, if the file were here."""
    given = [named.pop(key) for key in ("path", "file") if key in named] or arguments[:1]
    place = os.path.normpath(path)
    if place[: len(ROOT) + 1] not in (ROOT, ROOT + "/"):
        return original(place, *arguments[1:], **named)  # it begins as ours do, or leads away
    return globals()[name](original, place[len(ROOT) :] or "/", given[0], *arguments[1:], **named)
