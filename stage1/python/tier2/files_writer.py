"""econtext.files_writer: the writer of a copy, which turns records into files. It trusts no reader:
nothing is made outside of the destination, and no link that is found in it is followed.

Second tier: comes with econtext.files. Twins: src/files/writer.ts, destination.ts. Spec:
docs/protocol.md, "Files".
"""
import errno
import os
import stat
from time import time

import econtext

values = econtext.tier("values")
files = econtext.tier("files")
atomic_file = econtext.tier("atomic_file")
from econtext.atomic_file import AtomicFile, StaleFiles, found_by, is_made, matches, resumable_of, set_mode, temporary_of

told, heard, reason, digest, open_plain = files.told, files.heard, files.reason, files.digest, files.open_plain

PROGRESS_SECONDS = 0.1
MAX_UNFINISHED = 64  # files of one copy that are continued


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
        self.made = set()  # those that were made here: nothing is in them but this copy's
        # Folders that get the mode of their source when all is in them: (path, mode, mtime or
        # None).
        self.copied = []
        self.answers = []
        # Unfinished files that the reader was told of, by target. They stay open, because another
        # copy of the same file may rename or replace them.
        self.unfinished = {}
        self.stale_files = StaleFiles()
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
            try:
                os.stat(self.path)
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            except EnvironmentError as e:
                self.fail(self.path, e)

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
        found = found_by(os.lstat, path)
        if not found:
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
            # The destination itself may be a link, but nothing in it.
            found = found_by(os.stat if target == self.path else os.lstat, target)
            # Another copy may make the folder after this look. That folder is then examined.
            if not found and not is_made(target, mode):
                found = os.lstat(target)
            if not found:
                self.copied.append((target, mode, mtime))
                self.made.add(key)
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
            self.clear(target)
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
        part = AtomicFile(target, told(heard(path)), mode, mtime)
        part.is_large = data is None
        part.size = size
        self.part = part
        try:
            if target is not None:
                # To look for other files there takes as long as to write this one.
                alone = heard(path).rpartition(b"/")[0] in self.made
                self.begin(part, begin, None if alone else self.clear(target))
                if data is not None:
                    self.bytes += len(data)
                    part.write(data)
        except EnvironmentError as e:
            self.lose(e)
        if data is not None:
            self.on_done()

    def clear(self, target):
        """Remove what killed copies of this file have left. Returns the status of what it will
        replace, or None.
        """
        found = self.look(target)
        self.stale_files.remove_of(target)
        return found

    def begin(self, part, begin, found):
        part.replaces = found is not None
        if part.mode is None:
            part.mode = 0o666 & ~self.umask
            if found and stat.S_ISREG(found.st_mode):
                part.mode = found.st_mode & 0o777
        part.keep = part.is_large and bool(self.options.get("resume"))
        unfinished = self.unfinished.pop(part.target, None) if begin and part.keep else None
        if begin and unfinished is None:
            raise ValueError("the rest of a file that was never begun")
        part.open(unfinished)
        part.at = begin
        if begin:
            os.lseek(part.fd, begin, 0)
        self.bytes += begin

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

    def close(self):
        self.abandon()
        while self.unfinished:
            os.close(self.unfinished.popitem()[1])

    # -- What is there already
    def on_ask_file(self, path, size):
        try:
            target = self.place(path)
            if not target:
                return
            fd = self.answer(path, target, size, True)
            if fd is not None:
                os.close(fd)
            elif self.options.get("resume") and len(self.unfinished) < MAX_UNFINISHED:
                fd = self.answer(path, resumable_of(target), size, False)
                if fd is not None:
                    if target in self.unfinished:
                        os.close(self.unfinished[target])
                    self.unfinished[target] = fd
        except EnvironmentError:
            pass  # then it is written

    def answer(self, path, target, size, whole):
        """Note how many bytes of a file can be used, and their hash: the open file, or None if none
        can be. An unfinished file that is whole lacks a byte: the reader takes all of a file for
        the file itself.
        """
        try:
            fd = open_plain(target, os.O_RDONLY if whole else os.O_RDWR)
        except EnvironmentError:
            return None
        usable = 0
        try:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode) and (found.st_size == size if whole else found.st_size <= size):
                usable = size if whole else min(found.st_size, size - 1)
            if usable > 0:
                self.answers.append([path, usable, digest(fd, usable)])
        finally:
            if usable <= 0:
                os.close(fd)
        return fd if usable > 0 else None

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
