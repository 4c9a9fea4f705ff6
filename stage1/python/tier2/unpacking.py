"""econtext.unpacking: places a package of the master's as real files in a folder that lives in
memory (`--unpack NAME`), and imports it from there.

Second tier: the master's record of such a package calls `take`. For code that cannot do with files
of econtext.package_files: a child process, a C library. The folder is this context's own, and is
removed with it, however that ends. Twin: src/modules/python/unpack.ts.
"""
import errno
import os
import select
import signal
import sys

from econtext import PY3
from econtext.package_files import request
from econtext.records import ROOT, native

INTERRUPTIBLE = ("load",)  # it runs user code
folder = None


def take(name, place, into):
    """Put the package or module at `place` into the folder, and import it from there as `name`."""
    target = made(into)
    done = 0
    while True:
        files = request("**%d" % done, place)
        if files is None:
            raise ImportError("%s cannot be unpacked: it is too large, or not there" % name)
        if not files:
            break
        for path, mode, data in files:
            write(os.path.join(target, native(path)), mode, data)
        done += len(files)
    del sys.modules[name]
    return load(name)


def load(name):
    if PY3:
        import importlib

        importlib.invalidate_caches()
    __import__(name)
    return sys.modules[name]


def write(path, mode, data):
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        os.makedirs(parent, 0o700)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def made(into):
    """This context's folder, which is in sys.path from now on, in front of what is forwarded."""
    global folder
    if folder is None:
        path = os.path.join(into or in_memory(), "econtext-" + "".join(["%02x" % byte for byte in bytearray(os.urandom(8))]))
        keep(path)
        os.mkdir(path, 0o700)
        folder = path
        first = [i for i, entry in enumerate(sys.path) if entry[: len(ROOT)] == ROOT]
        sys.path.insert(first[0] if first else len(sys.path), folder)
    return folder


def in_memory():
    """A folder of a file system that no disk is behind."""
    for path in os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm":
        if path and os.access(path, os.W_OK | os.X_OK) and file_system(os.path.realpath(path)) in (b"tmpfs", b"ramfs"):
            return path
    raise ImportError("no folder in memory here that can be written: neither $XDG_RUNTIME_DIR nor /dev/shm; --unpack-into DIR names another")


def file_system(path):
    """Its type, as far as the system tells."""
    best = b"", b""
    try:
        with open("/proc/self/mounts", "rb") as mounts:
            for line in mounts:
                _, point, kind = line.split()[:3]
                point = native(point.decode("utf-8", "replace"))
                if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
                    best = point, kind
    except EnvironmentError:
        pass
    return best[1]


def keep(path):
    """Have the folder removed when this process has ended, by a process that watches it.

    The watcher is no child of this process: `os.wait()` of user code would wait for it.
    """
    watched, ours = os.pipe()
    if not PY3:
        import fcntl

        fcntl.fcntl(ours, fcntl.F_SETFD, 1)
    parent = os.getpid()
    between = os.fork()
    if between:
        os.close(watched)
        wait_for(between)
        import atexit

        atexit.register(lambda: os.getpid() == parent and remove(path))
        return
    try:
        # In a session of its own: what ends the context's processes leaves it alone.
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, watched)
        os.closerange(watched + 1, max(os.sysconf("SC_OPEN_MAX"), 1024) if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        # A fork of user code may hold the other end: so the parent is looked at as well.
        while is_leader(parent) and not poll.poll(250):
            pass
        remove(path)
    finally:
        os._exit(0)


def wait_for(child):
    """Wait for a child's end."""
    while True:
        try:
            os.waitpid(child, 0)
            return
        except OSError as e:
            if e.errno != errno.EINTR:
                return  # user code ignores SIGCHLD: the system has waited


def is_leader(process):
    """Whether a process lives and leads a session, as each slave does: another process that got its
    id later does not."""
    try:
        return os.getsid(process) == process
    except OSError:
        return False


def remove(path):
    for here, folders, files in os.walk(path, topdown=False):
        for name in files:
            quietly(os.remove, os.path.join(here, name))
        for name in folders:
            quietly(os.remove if os.path.islink(os.path.join(here, name)) else os.rmdir, os.path.join(here, name))
    quietly(os.rmdir, path)


def quietly(function, path):
    try:
        function(path)
    except OSError:
        pass
