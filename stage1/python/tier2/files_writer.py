"""econtext.files_writer: trees of files as a stream of records over one channel: who writes them.
It trusts no reader: nothing is made outside of the destination, and no link that is found in it is
followed.

Second tier: comes with econtext.files. Twins: src/files/writer.ts, destination.ts,
atomic-file.ts, stale-files.ts, copy-locally.ts. Spec: docs/protocol.md, "Files".
"""
import binascii
import errno
import os
import stat
from time import time

import econtext
from econtext import thread

values = econtext.tier("values")
channels = values.channels()
files = econtext.tier("files")
told, heard, reason, digest, open_plain = files.told, files.heard, files.reason, files.digest, files.open_plain

MAX_NAME = 200  # of the 255 bytes that a name may have, to leave room for what is around it
PROGRESS_SECONDS = 0.1
EARLY = 33554432  # bytes of a file that the disk is told of before the end


def write(destination, options, events):
    """Write what comes: ["open", SENDER] tells `events` where to. [files, bytes, files that were
    there already, errors].
    """
    channel = channels.Channel()
    # From the first message on: no file has to wait for a window that is about to grow.
    channel.receiver.window = channels.MAX_WINDOW
    writer = Writer(heard(destination), options, events)

    def take():
        events.send(["open", channel.sender])
        for message in channel.receiver:
            writer.take(message)
            if writer.refused:
                break

    return run(writer, take, channel.receiver, events)


def copy(paths, reading, destination, writing, events):
    """A copy of which both ends are here: each message is written before the next is read."""
    writer = Writer(heard(destination), writing, events)
    return run(writer, lambda: files.read(paths, reading, Direct(writer)), events)


def run(writer, feed, *ends):
    """All that `feed` gives to the writer: its totals. Whatever becomes of it, nothing half written
    stays, and the ends are told.
    """
    error = None
    try:
        feed()
        writer.finish()
        return writer.totals()
    except BaseException as e:
        error = e
        raise
    finally:
        writer.abandon()
        for end in ends:
            end.close(error)


class Direct(object):
    """What the reader sends to, in place of a channel."""

    def __init__(self, writer):
        self.writer = writer

    def send(self, message):
        if self.writer.refused:
            raise channels.Closed("the writer takes no more")
        self.writer.take(message)

    def close(self, error=None):
        pass


class Writer(object):
    part = None  # the file that is being written
    refused = False  # nothing can be written there

    def __init__(self, destination, options, events):
        self.options = options
        self.events = events
        path = files.expanded(destination) if options.get("expand") else destination
        self.path = path.rstrip(b"/") or path[:1] or b"."
        self.needs_folder = path[-1:] == b"/"
        self.into = os.path.isdir(self.path) and not options.get("exact")
        if os.path.islink(self.path) and not self.into:
            self.path = os.path.realpath(self.path)  # named itself, it is followed
        self.umask = os.umask(0o77)
        os.umask(self.umask)
        self.folders = {}  # by path of the record: that it is one, or False if that failed
        # Folders that get the mode of their source when all is in them: (path, mode, mtime or
        # None).
        self.copied = []
        self.answers = []
        self.leftovers = Leftovers()
        self.files = self.bytes = self.same = self.errors = 0
        self.shown = time()

    def totals(self):
        return [self.files, self.bytes, self.same, self.errors]

    def take(self, message):
        files.check()
        if not isinstance(message, list):
            return self.chunk(message)
        for record in message:
            if self.refused:
                return
            name = record[0]
            if self.part and name not in ("hole", "done", "lost"):
                raise ValueError("a file without its end")
            getattr(self, "on_" + RECORDS[name])(*record[1:])
        self.show()

    # -- What is told of the whole
    def on_sources(self, count):
        said = self.needs_folder and not self.options.get("recursive") or self.options.get("into")
        if (said or count > 1) and not self.into:
            self.refused = True
            self.fail(self.path, OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))

    def on_total(self, files, size):
        self.events.send(["total", files, size])

    def on_error(self, path, problem):
        self.errors += 1
        self.events.send(["error", "from", path, problem])

    def fail(self, path, error):
        self.errors += 1
        self.events.send(["error", "to", told(path), reason(error)])

    # -- Where it goes
    def place(self, path):
        """The path here, None below a folder that there is not. Raises ValueError for what leads
        out of the destination.
        """
        path = heard(path)
        name, _, rest = path.partition(b"/")
        patterns = self.options.get("names")
        known = patterns is None or any(name == heard(one) or matches(name, heard(one)) for one in patterns)
        parts = rest.split(b"/") if rest else []
        if b"\0" in path or name in (b"", b"..") or not known or any(part in (b"", b".", b"..") for part in parts):
            raise ValueError("not a path within the destination: %r" % told(path))
        base = os.path.join(self.path, name) if self.into and name != b"." else self.path
        if not parts:
            return base
        folder = self.folders.get(path.rpartition(b"/")[0])
        if folder is None:
            raise ValueError("not in a folder of this copy: %r" % told(path))
        return os.path.join(base, *parts) if folder else None

    def look(self, path):
        """The status of what is there, None if nothing is. Raises if it is nothing that a file may
        replace.
        """
        try:
            found = os.lstat(path)
        except EnvironmentError as e:
            if e.errno != errno.ENOENT:
                raise
            return None
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return found

    def on_dir(self, path, mode, mtime):
        key = heard(path)
        target = self.place(path)
        self.folders[key] = False
        if target is None:
            return
        try:
            try:
                # The destination itself may be a link; nothing in it.
                found = (os.stat if target == self.path else os.lstat)(target)
            except EnvironmentError as e:
                if e.errno != errno.ENOENT:
                    raise
                os.mkdir(target, 0o700 | mode & 0o777)
                self.copied.append((target, mode, mtime))
            else:
                if stat.S_ISLNK(found.st_mode):
                    raise OSError(errno.ENOTDIR, "a link, which is not followed")
                if not stat.S_ISDIR(found.st_mode):
                    raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                # The destination of the contents of a folder ("src/.") is no copy of that folder.
                if key != b"." and (found.st_mode ^ mode) & 0o7777:
                    self.copied.append((target, mode, None))
            self.folders[key] = True
        except EnvironmentError as e:
            self.fail(target, e)

    def on_link(self, path, to):
        target = self.place(path)
        if target is None:
            return
        temporary = temporary_of(target)
        try:
            self.look(target)
            self.leftovers.remove_of(target)
            os.symlink(heard(to), temporary)
            try:
                os.rename(temporary, target)
            except EnvironmentError:
                os.unlink(temporary)
                raise
        except EnvironmentError as e:
            self.fail(target, e)

    # -- Files
    def on_file(self, path, size, mode, mtime, data, begin):
        target = self.place(path)
        part = Part(target, told(heard(path)), mode, mtime)
        part.is_large = data is None
        self.part = part
        try:
            if target is not None:
                self.begin(part, begin)
                if data is not None:
                    self.bytes += len(data)
                    part.write(data)
        except EnvironmentError as e:
            self.lose(e)
        if data is not None:
            self.on_done()

    def begin(self, part, begin):
        found = self.look(part.target)
        self.leftovers.remove_of(part.target)
        part.replaces = found is not None
        if part.mode is None:
            part.mode = 0o666 & ~self.umask
            if found and stat.S_ISREG(found.st_mode):
                part.mode = found.st_mode & 0o777
        part.keep = part.is_large and bool(self.options.get("resume"))
        part.path = resumable_of(part.target) if part.keep else temporary_of(part.target)
        if begin and part.keep:
            part.fd = open_plain(part.path, os.O_WRONLY)
            part.at = begin
            os.lseek(part.fd, begin, 0)
            self.bytes += begin
        elif begin:
            raise ValueError("the rest of a file that was never begun")
        else:
            if part.keep:
                remove(part.path)
            part.fd = os.open(part.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def chunk(self, data):
        part = self.part
        if not part:
            raise ValueError("a part of no file")
        self.bytes += len(data)
        if part.fd is not None:
            try:
                part.write(data)
            except EnvironmentError as e:
                self.lose(e)
        self.show()

    def on_hole(self, size):
        part = self.part
        self.bytes += size
        if part.fd is not None:
            part.at = os.lseek(part.fd, size, 1)

    def on_done(self):
        part = self.part
        if part.fd is not None:
            try:
                part.finish()
                self.files += 1
            except EnvironmentError as e:
                self.lose(e)
        self.part = None

    def on_lost(self):
        """The reader could not go on, and says so by itself."""
        self.abandon()

    def lose(self, error):
        """What is still to come of it is dropped."""
        self.fail(self.part.target, error)
        self.part.abandon()

    def abandon(self):
        if self.part:
            self.part.abandon()
            self.part = None

    # -- What is there already
    def on_ask_file(self, path, size):
        try:
            target = self.place(path)
            if target and not self.answer(path, target, size, True) and self.options.get("resume"):
                self.answer(path, resumable_of(target), size, False)
        except EnvironmentError:
            pass  # then it is written

    def answer(self, path, target, size, whole):
        try:
            fd = open_plain(target)
        except EnvironmentError:
            return False
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or (found.st_size != size if whole else not 0 < found.st_size <= size):
                return False
            self.answers.append([path, found.st_size, digest(fd, found.st_size)])
            return True
        finally:
            os.close(fd)

    def on_ask(self, sender):
        for at in range(0, len(self.answers), files.BATCH):
            sender.send(self.answers[at : at + files.BATCH])
        sender.close()

    def on_same(self, path, mode, mtime):
        target = self.place(path)
        if target is None:
            return
        try:
            fd = open_plain(target)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise OSError(errno.EINVAL, "not a regular file")
                os.utime(target, (time(), mtime))
                set_mode(fd, mode)
            finally:
                os.close(fd)
            self.same += 1
        except EnvironmentError as e:
            self.fail(target, e)

    # -- The end, and the way there
    def finish(self):
        if self.part:
            raise ValueError("a file without its end")
        for path, mode, mtime in reversed(self.copied):
            try:
                if mtime is not None:
                    os.utime(path, (time(), mtime))
                set_mode(path, mode, os.chmod, os.stat)
            except EnvironmentError as e:
                self.fail(path, e)
        self.shown = 0
        self.show()

    def show(self):
        if self.options.get("progress") and time() - self.shown > PROGRESS_SECONDS:
            self.shown = time()
            part = self.part
            self.events.send(["progress", self.files + self.same, self.bytes, part.name if part else None])


# The methods that take the records.
RECORDS = dict((name, name) for name in ("sources", "total", "error", "dir", "link", "file", "hole", "done", "lost", "ask", "same"))
RECORDS["file?"] = "ask_file"


# -- What is not finished --------------------------------------------------------------------------
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


class Leftovers(object):
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


class Part(object):
    """A file under a name of its own, until it is whole."""

    fd = None
    at = 0
    path = None
    keep = False  # when it is not finished, for another time
    replaces = False
    is_large = False
    told = 0  # how much of it the disk was told of

    def __init__(self, target, name, mode, mtime):
        self.target = target
        self.name = name
        self.mode = mode
        self.mtime = mtime

    def write(self, data):
        data = memoryview(data)
        while len(data):
            written = os.write(self.fd, data)
            self.at += written
            data = data[written:]
        if self.at - self.told >= EARLY:
            self.told = self.at
            thread.start_new_thread(flush, (os.dup(self.fd),))

    def finish(self):
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
        try:
            os.rename(self.path, self.target)
        except EnvironmentError:
            remove(self.path)
            raise
        if refusal:
            raise refusal

    def abandon(self):
        fd, self.fd = self.fd, None
        if fd is not None:
            os.close(fd)
            if not self.keep:
                remove(self.path)


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


def flush(fd):
    """Have the disk write while more of the file comes, or in the end all has to be waited for."""
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
