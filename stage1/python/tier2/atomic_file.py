"""econtext.atomic_file: a file under a name of its own until it is whole, and old such files.

Second tier: comes with econtext.files_writer. Twins: src/files/atomic-file.ts and stale-files.ts.
"""
import binascii
import errno
import os
from time import time

import econtext
from econtext import thread

files = econtext.tier("files")
told, heard, reason, digest, open_plain = files.told, files.heard, files.reason, files.digest, files.open_plain

MAX_NAME = 200  # of the 255 bytes that a name may have: the rest is for what is around it
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
COPY_BYTES = 1048576
EARLY = 33554432  # bytes of a file that the disk is told of before the end


def besides(target):
    """The name of what is not finished yet, up to its end."""
    folder, slash, name = target.rpartition(b"/")
    return folder + slash + b"." + name[:MAX_NAME] + b".econtext-"


def temporary_of(target):
    """A name that no other copy takes."""
    return besides(target) + binascii.hexlify(os.urandom(4)) + (home and home + b"%d" % os.getpid())


def resumable_of(target):
    """The name that the next copy goes on with."""
    return besides(target) + b"part"


def where_we_are():
    """Where our process id means us: this start of this machine, and the process ids of this
    container; b"" where that cannot be told.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            boot = file.read(8)
        space = os.readlink(b"/proc/self/ns/pid")
        return b"-" + boot + b"-" + space[space.index(b"[") + 1 : -1] + b"-"
    except (EnvironmentError, ValueError):
        return b""


home = where_we_are()


class StaleFiles(object):
    """What is left by processes that were killed: its name says whose it was, and the next copy of
    the same file removes it.
    """

    def __init__(self):
        self.seen = set()  # folders that were looked through
        self.found = {}  # paths, by what they begin with

    def remove_of(self, target):
        """Of what is about to be written."""
        begin = besides(target)
        self.search(begin[: begin.rfind(b"/") + 1])
        for path in self.found.pop(begin, ()):
            remove(path)

    def search(self, folder):
        if folder in self.seen or not home:
            return
        self.seen.add(folder)
        try:
            names = os.listdir(folder or b".")
        except EnvironmentError:
            return  # they may not be listed
        for name in names:
            begin, ours, end = name.rpartition(b".econtext-")
            unique, _, pid = end.partition(home)
            if ours and len(unique) == 8 and pid.isdigit() and not alive(int(pid)):
                self.found.setdefault(folder + begin + ours, []).append(folder + name)


def alive(pid):
    """Whether it runs. A zombie, whose status was not asked for yet, does not."""
    try:
        os.kill(pid, 0)
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except EnvironmentError as e:
        return e.errno != errno.ESRCH
    except OverflowError:
        pass  # no process of ours
    return True


class AtomicFile(object):
    """A file under a name of its own, until it is whole."""

    fd = None
    at = 0
    path = None
    keep = False  # when it is not finished, for another time
    replaces = False
    is_large = False
    told = 0  # how much of it the disk was told of
    size = 0  # when its reader began
    failure = None  # why bytes that went past `write` are missing

    def __init__(self, target, name, mode, mtime):
        self.target = target
        self.name = name
        self.mode = mode
        self.mtime = mtime

    def open(self, unfinished):
        """Create the temporary file, or continue an unfinished one that is open."""
        common = resumable_of(self.target)
        if unfinished is not None:
            self.path, self.fd = common, unfinished
            return
        # First the name: wherever this is left, the file that has it is removed.
        self.path = own = temporary_of(self.target)
        self.fd = os.open(own, NEW, 0o600)
        if self.keep:
            try:
                os.rename(own, common)
                self.path = common
            except EnvironmentError:
                # The name cannot be used. The copy can succeed, but it cannot be continued.
                self.keep = False

    def claim(self):
        """Give a file that was kept a name that no other copy uses. If another copy of the file
        has taken the common name, the content is copied from the open file.
        """
        own = temporary_of(self.target)
        ours = takes_name(self.fd, self.path, own)
        self.path, self.keep = own, False
        if ours:
            return
        old, self.fd = self.fd, os.open(own, NEW, 0o600)
        size, self.at, self.told = self.at, 0, 0
        try:
            os.lseek(old, 0, 0)
            while self.at < size:
                data = os.read(old, min(COPY_BYTES, size - self.at))
                if not data:
                    break  # a hole at the end
                self.write(data)
            self.at = size
        finally:
            os.close(old)

    def write(self, data):
        self.check()
        data = memoryview(data)
        while len(data):
            written = os.write(self.fd, data)
            self.wrote(written)
            data = data[written:]

    def wrote(self, size):
        """So many bytes more are in the file."""
        self.at += size
        if self.at - self.told >= EARLY:
            self.told = self.at
            flush_soon(self.fd)

    def check(self):
        if self.failure:
            raise self.failure

    def finish(self):
        self.check()
        if self.keep:
            self.claim()
        fd = self.fd
        if self.is_large:
            os.ftruncate(fd, self.at)  # behind a hole, and what was there before
        refusal = None
        try:
            set_mode(fd, self.mode)
        except Refusal as e:
            refusal = e  # to be told although the file is there
        if self.mtime is not None:
            os.utime(self.path, (time(), self.mtime))
        if self.is_large or self.replaces:
            # Or a power failure may leave neither the old nor the new one.
            os.fsync(fd)
        self.fd = None
        os.close(fd)
        os.rename(self.path, self.target)
        self.path = None
        if refusal:
            raise refusal

    def abandon(self):
        """Close the file, and remove it unless it is kept. Idempotent."""
        (fd, self.fd), (path, self.path) = (self.fd, None), (self.path, None)
        if fd is not None:
            os.close(fd)
        if path is not None and not self.keep:
            remove(path)


def takes_name(fd, path, own):
    """Rename an open file, if `path` is its name still: whether that was so."""
    if not is_name_of(fd, path):
        return False
    try:
        os.rename(path, own)
    except EnvironmentError as e:
        if e.errno != errno.ENOENT:
            raise
        return False
    if is_name_of(fd, own):
        return True
    os.rename(own, path)  # another copy was faster, and the file is that copy's
    return False


def is_name_of(fd, path):
    found = found_by(os.lstat, path)
    return found is not None and os.path.samestat(found, os.fstat(fd))


def found_by(look, path):
    """The status of a file by os.stat or os.lstat; None if there is none."""
    try:
        return look(path)
    except EnvironmentError as e:
        if e.errno != errno.ENOENT:
            raise
        return None


def is_made(folder, mode):
    """Make a folder that its owner can fill, whatever its final mode. False if something has that
    name already.
    """
    try:
        os.mkdir(folder, 0o700 | mode & 0o777)
        return True
    except EnvironmentError as e:
        if e.errno != errno.EEXIST:
            raise
        return False


class Refusal(OSError):
    """The system has left out a part without a word."""


def set_mode(file, mode, change=os.fchmod, look=os.fstat):
    """Permissions, and the setuid, setgid and sticky bits. Raises Refusal for the bits that the
    system leaves out.
    """
    change(file, mode & 0o7777)
    lost = mode & 0o7000 and mode & 0o7000 & ~look(file).st_mode
    if lost:
        names = [name for bit, name in ((0o4000, "setuid"), (0o2000, "setgid"), (0o1000, "sticky")) if lost & bit]
        raise Refusal(errno.EPERM, "copied without %s: not permitted" % " and ".join(names))


def matches(name, pattern):
    import fnmatch  # slow to come, and seldom needed

    return fnmatch.fnmatchcase(name, pattern)


def flush_soon(fd):
    """Have the disk write while more of the file comes, or in the end all has to be waited for.

    Without a descriptor or a thread for it, the end does all.
    """
    try:
        own = os.dup(fd)
    except EnvironmentError:
        return
    try:
        thread.start_new_thread(flush, (own,))
    except thread.error:
        os.close(own)


def flush(fd):
    try:
        os.fsync(fd)
    except EnvironmentError:
        pass  # the last one says so too
    finally:
        os.close(fd)


def remove(path):
    try:
        os.unlink(path)
    except EnvironmentError:
        pass
