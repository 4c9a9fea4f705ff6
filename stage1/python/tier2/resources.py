"""econtext.resources: package data of what came from the master, for pkgutil.get_data and
importlib.resources.

Second tier: fetched when the first data is asked for. Nothing is kept: data may be large, and is
mostly read once. The requests: docs/protocol.md, GET_MODULE. Twin: src/modules/python/responder.ts.
"""
import errno
import io
import os
import sys

from econtext import DEAD, GET_MODULE, ask, decode, modules, tier
from econtext.records import ROOT, native, stem


def request(package, path):
    """The bytes of a file; for what ends with a slash or is empty, the names in a folder. None when
    there is no such thing.
    """
    try:
        flags, body = ask(GET_MODULE, [package, path])
    except ImportError:
        raise IOError(errno.EIO, tier("forks").problem(), path)
    return None if flags & DEAD else decode(body)


def missing(path):
    return IOError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def get_data(path):
    """The file `path`: pkgutil makes it of the folder of a package's `__file__` and a resource's
    name.
    """
    folders = dict((folder_of(r), r[0]) for r in list(modules.values()) if len(r) > 1 and r[2] and r[0])
    for folder in sorted(folders, key=len, reverse=True):
        if path.startswith(folder + "/"):
            data = request(folders[folder], path[len(folder) + 1 :])
            if data is not None:
                return data
            break
    raise missing(path)


def folder_of(record):
    """Of a package; a namespace package has no files."""
    return ROOT + native(stem(record[1])) if not isinstance(record[1], list) else "\0"


class Resource(object):
    """A file or a folder: what importlib.resources calls Traversable."""

    def __init__(self, package, path=""):
        self.package = package
        self.path = path
        self.name = path.rpartition("/")[2] or package.rpartition(".")[2]

    def names(self):
        return request(self.package, self.path and self.path + "/")

    def iterdir(self):
        names = self.names()
        if names is None:
            raise missing(str(self))
        return iter([self.joinpath(name) for name in names])

    def is_dir(self):
        return self.names() is not None

    def is_file(self):
        return self.path != "" and request(self.package, self.path) is not None

    def joinpath(self, *parts):
        steps = [step for part in (self.path,) + parts for step in str(part).split("/") if step]
        return Resource(self.package, "/".join(steps))

    __truediv__ = joinpath

    def read_bytes(self):
        data = request(self.package, self.path) if self.path else None
        if data is None:
            raise missing(str(self))
        return data

    def read_text(self, encoding=None, errors=None):
        return self.open("r", encoding, errors).read()

    def open(self, mode="r", encoding=None, errors=None, **options):
        data = io.BytesIO(self.read_bytes())
        return data if "b" in mode else io.TextIOWrapper(data, encoding, errors, **options)

    def __str__(self):
        return "%s/%s" % (folder_of(modules[self.package]), self.path)

    def __repr__(self):
        return "<Resource %s>" % self


class Reader(object):
    """importlib.resources.abc.ResourceReader for one package, with `files` for Python 3.10 and
    later.
    """

    def __init__(self, package):
        self.package = package

    def files(self):
        return Resource(self.package)

    def open_resource(self, name):
        return self.files().joinpath(name).open("rb")

    def resource_path(self, name):
        # There is no file here: code that needs one gets a temporary file.
        raise missing(name)

    def is_resource(self, name):
        return self.files().joinpath(name).is_file()

    def contents(self):
        return [name.rstrip("/") for name in self.files().names()]


def mend():
    """Python 3.9 has files(), and asks no loader for them."""
    import importlib._common as common

    original = common.from_package

    def from_package(package):
        record = getattr(package.__spec__.loader, "record", None)
        return Resource(record[0]) if record and record[2] else original(package)

    common.from_package = from_package


if sys.version_info[:2] == (3, 9):
    try:
        mend()
    except ImportError:
        pass  # Debian's minimal Python: its importlib.resources has no pathlib that works
