"""econtext.path_watch: makes the functions that take paths answer for files of the master's, too.

Second tier: comes with econtext.importer, which installs it with the first module of the master's.
What these functions answer is in econtext.package_files.
"""
import os
import sys

from econtext import PY3, tier
from econtext.records import ROOT, process

if PY3:
    import builtins
else:
    import __builtin__ as builtins

INTERRUPTIBLE = ("call",)  # it waits as user code would


class Watch(object):
    """A function that takes a path first: those of forwarded files go another way. Its method takes
    the function's place: an attribute of a class may be one too, and must not become a method of
    that.
    """

    def __init__(self, name, original):
        self.name = name
        self.original = original

    def call(self, *arguments, **named):
        path = arguments[0] if arguments else named.get("path", named.get("file"))
        if type(path) is not str:
            path = path_text(path)
        if path.startswith(ROOT):
            if os.getpid() != process and "econtext.package_files" not in sys.modules:
                raise unread(path)
            return tier("package_files").serve(self.name, self.original, path, arguments, named)
        return self.original(*arguments, **named)


def unread(path):
    """The error of a fork that would have to ask the master."""
    return OSError(2, "a forked process cannot ask for this file; read it before the fork", path)


def path_text(path):
    """A path as text; empty if the value is not a path."""
    if hasattr(path, "__fspath__"):
        path = path.__fspath__()
    if PY3 and type(path) is bytes:
        return os.fsdecode(path)
    return path if hasattr(path, "encode") else ""


WATCHED = "open", "stat", "lstat", "listdir", "scandir", "access", "readlink", "listxattr"
# The import system has its own, of modules in C; and so have we.
HANDS_OFF = "posix", "_io", "_frozen_importlib_external", "importlib._bootstrap_external", "econtext"


def install():
    """Have the functions that read files answer for forwarded ones too, also where they were bound
    before.
    """
    import io

    calls = {}
    for owner, prefix, names in (os, "os_", WATCHED), (builtins, "", ["open"]), (io, "" if PY3 else "io_", ["open"]):
        for original in [getattr(owner, name) for name in names if hasattr(owner, name)]:
            calls.setdefault(id(original), (original, Watch(prefix + original.__name__, original).call))
    for group in "supports_fd", "supports_dir_fd", "supports_follow_symlinks", "supports_effective_ids":
        members = getattr(os, group, set())
        members.update([call for original, call in calls.values() if original in members])
    owners = [m for m in list(sys.modules.values()) if m and getattr(m, "__name__", None) not in HANDS_OFF]
    originals = frozenset(calls)
    for owner in owners:
        members = getattr(owner, "__dict__", {})
        # In C: with a loop in Python, this would take as long as importing ten modules.
        if not originals.isdisjoint(map(id, list(members.values()))):
            replace(owner, members, calls)
    accessor = getattr(sys.modules.get("pathlib"), "_NormalAccessor", None)
    if accessor:
        replace(accessor, accessor.__dict__, calls)


def replace(owner, members, calls):
    """Put our functions into the places of those that they stand for."""
    for name, value in list(members.items()):
        original, call = calls.get(id(getattr(value, "__func__", value)), (None, None))
        if call and original is getattr(value, "__func__", value):
            setattr(owner, name, call)
