"""econtext.files: trees of files as a stream of records over one channel: who reads them. Who
writes them is in files_writer.py.

Second tier. Twins: src/files/reader.ts and records.ts. Spec: docs/protocol.md, "Files". Paths are
bytes here, and on the wire text where they are UTF-8. A path of a record begins with the name of
its source: "." for what is only its contents.
"""
import errno
import os
import stat

import econtext

# Mostly the call is one of the writer's. For the importer see command_popen.py.
# sent along: files_intake, importer, channels, value_encode, file_splice
values = econtext.tier("values")
channels = values.channels()
check = econtext.tier("interruption").check

INLINE = 65536  # bytes of a file that is one record
CHUNK = 196608
PIECE = 258048  # bytes of a piece that is spliced: whole pages, and with its header it fits a frame
MUCH = 1048576  # bytes of a file from which on the rest is spliced: that needs another module
BATCH = 256  # records in a message, at most
HOLE = 65536  # bytes that are worth one
SEEK_DATA, SEEK_HOLE = 3, 4


def told(path):
    """A path as it is sent."""
    try:
        said = path.decode("utf-8")
        return said if econtext.tier("value_encode").is_well_formed(said) else values.Bytes(path)
    except UnicodeError:
        return values.Bytes(path)


def heard(path):
    return path.encode("utf-8") if isinstance(path, values.text) else bytes(path)


def reason(error):
    """Why it failed, as the system puts it."""
    return econtext.tier("value_encode").describe(Exception(error.strerror or error))[1]


def expanded(path):
    return os.path.expanduser(path) if path[:1] == b"~" else path


def digest(fd, size):
    """Of so many bytes from the beginning; the descriptor is behind them then."""
    from hashlib import sha256  # slow to come, and seldom needed; so is glob

    sha = sha256()
    os.lseek(fd, 0, 0)
    while size > 0:
        data = os.read(fd, min(size, 1 << 20))
        if not data:
            break
        check()
        sha.update(data)
        size -= len(data)
    return values.text(sha.hexdigest())


def open_plain(path, flags=os.O_RDONLY):
    """Open what is a file and no link; never waits for the other end of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


# -- Reader ----------------------------------------------------------------------------------------
def read(paths, options, sender):
    """Send what `paths` name, and with `recursive` all that is in them."""
    error = None
    if "credit" in options:
        sender.granted += options["credit"]
    reader = Reader(options, sender)
    try:
        reader.run([heard(path) for path in paths])
    except (channels.Closed, values.RemoteError):
        pass  # the writer has had enough, and says why
    except BaseException as e:
        error = e
        raise
    finally:
        reader.close()
        sender.close(error)


class Reader(object):
    source = None  # of econtext.file_splice; False: every piece is read

    def __init__(self, options, sender):
        self.options = options
        self.sender = sender
        self.batch = []
        self.size = 0
        self.has = {}  # what the writer has already: [bytes, hash] by path

    def run(self, paths):
        sources = []
        for path in paths:
            sources += self.find(path)
        named = {}
        for name, path in self.named(sources):
            named.setdefault(name, []).append(path)
        for same in named.values():
            if len(same) > 1:
                sources = []
                for path in same:
                    self.fail(path, "another source has the same name: nothing is copied")
        self.add(["sources", len(sources)])
        if self.options.get("total"):
            sizes = [found.st_size for _, _, found, _ in self.walk(sources, False) if stat.S_ISREG(found.st_mode)]
            self.add(["total", len(sizes), sum(sizes)])
        if self.options.get("checksum"):
            self.ask(sources)
        for name, path, found, top in self.walk(sources):
            if self.options.get("checksum") and stat.S_ISDIR(found.st_mode):
                continue
            try:
                self.tell(name, path, found, top)
            except EnvironmentError as e:
                self.fail(path, reason(e))
        self.flush()

    def named(self, sources):
        """What must have different names: the sources; and of several whose contents are put
        together ("FOLDER/."), the files in them.
        """
        merged = [source for source in sources if source[0] == b"."]
        found = [source for source in sources if source[0] != b"."]
        if len(merged) > 1:
            found += [(name, path) for name, path, status, _ in self.walk(merged, False) if not stat.S_ISDIR(status.st_mode)]
        return found

    def find(self, path):
        """What a path names, as (name, path)."""
        if not self.options.get("expand"):
            return [(name_of(path), path)]
        path = expanded(path)
        if not os.path.lexists(path) and any(c in path for c in (b"*", b"?", b"[")):
            import glob

            found = sorted(glob.glob(path))
            if not found:
                self.fail(path, "nothing matches")
            return [(name_of(one), one) for one in found]
        return [(name_of(path), path)]

    def walk(self, sources, complain=True):
        """Yield each (name, path, status, whether it was named itself); a folder before what is in
        it.
        """
        todo = [(name, path, True) for name, path in reversed(sources)]
        while todo:
            name, path, top = todo.pop()
            check()
            try:
                found = os.stat(path) if top else os.lstat(path)
                inside = []
                if stat.S_ISDIR(found.st_mode):
                    if not self.options.get("recursive"):
                        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
                    inside = sorted(os.listdir(path), reverse=True)
            except EnvironmentError as e:
                if complain:
                    self.fail(path, reason(e))
                continue
            yield name, path, found, top
            todo += [(name + b"/" + one, os.path.join(path, one), False) for one in inside]

    def ask(self, sources):
        """Have the writer tell what it has: of all, in one round trip. Folders come first: what is
        in a link is not theirs.
        """
        for name, path, found, top in self.walk(sources, False):
            if stat.S_ISDIR(found.st_mode):
                self.tell(name, path, found, top)
            elif stat.S_ISREG(found.st_mode) and found.st_size:
                self.add(["file?", told(name), found.st_size])
        answers = channels.Channel()
        self.add(["ask", answers.sender])
        self.flush()
        for message in answers.receiver:
            for path, size, sha in message:
                self.has[heard(path)] = size, sha

    def tell(self, name, path, found, top):
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            self.add(["dir", told(name), mode & 0o7777, found.st_mtime])
        elif stat.S_ISLNK(mode):
            self.add(["link", told(name), told(os.readlink(path))])
        elif stat.S_ISREG(mode):
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if top else open_plain(path)
            try:
                self.tell_file(name, path, fd)
            finally:
                os.close(fd)
        else:
            self.fail(path, "not a file, a folder or a link")

    def tell_file(self, name, path, fd):
        found = os.fstat(fd)
        size, mode, mtime = found.st_size, found.st_mode & 0o7777, found.st_mtime
        begin, sha = self.has.get(name, (0, ""))
        if not begin or begin > size or digest(fd, begin) != sha:
            begin = 0
            os.lseek(fd, 0, 0)
        elif begin == size:
            return self.add(["same", told(name), mode, mtime])
        data = b""
        if size <= INLINE and not begin:
            # What it is when it is read, and no file of /proc knows before.
            while len(data) <= INLINE:
                more = os.read(fd, INLINE + 1 - len(data))
                if not more:
                    return self.add(["file", told(name), len(data), mode, mtime, values.Bytes(data), 0], len(data))
                data += more
        self.add(["file", told(name), size, mode, mtime, None, begin])
        try:
            if data:
                self.send(data)
            if found.st_blocks * 512 < size - HOLE:
                self.send_sparse(fd, begin, size)
            else:
                self.send_rest(fd)
        except EnvironmentError as e:
            self.add(["lost"])
            return self.fail(path, reason(e))
        self.add(["done"])

    def send_rest(self, fd, left=None):
        """Send the rest of a file, or so many bytes of it."""
        sent = 0
        while left is None or sent < left:
            most = PIECE if sent >= MUCH else CHUNK
            size = self.send_piece(fd, most if left is None else min(left - sent, most), sent >= MUCH)
            if not size:
                return
            check()
            sent += size

    def send_piece(self, fd, most, spliced):
        """Send a piece of a file. Returns its size; 0 at the end of the file."""
        self.flush()
        if spliced and self.source is None:
            self.source = econtext.tier("file_splice").source_for(self.sender) or False
        size = self.source.splice(fd, most) if spliced and self.source else None
        if size is None:
            data = os.read(fd, most)
            size = len(data)
            if data:
                self.send(data)
        return size

    def send_sparse(self, fd, at, size):
        while at < size:
            try:
                begin = os.lseek(fd, at, SEEK_DATA)
            except EnvironmentError as e:
                if e.errno != errno.ENXIO:
                    return self.send_rest(fd)  # this file system does not tell
                begin = size
            if begin > at:
                self.add(["hole", begin - at])
            at = min(os.lseek(fd, begin, SEEK_HOLE), size) if begin < size else size
            os.lseek(fd, begin, 0)
            self.send_rest(fd, at - begin)

    def fail(self, path, problem):
        self.add(["error", told(path), problem])

    def add(self, record, size=0):
        self.batch.append(record)
        self.size += size
        if self.size >= INLINE or len(self.batch) >= BATCH:
            self.flush()

    def flush(self):
        if self.batch:
            self.sender.send(self.batch)
            self.batch = []
            self.size = 0

    def send(self, data):
        self.flush()
        self.sender.send_bytes(data)

    def close(self):
        if self.source:
            self.source.close()
            self.source = False


def name_of(path):
    name = path.rstrip(b"/").rpartition(b"/")[2]
    return b"." if name in (b"", b"..") else name


# -- Files of which only the content is wanted ----------------------------------------------------
def fetch(path, options, sender):
    """Send the bytes of what the path names. Gives [path, why] for each that cannot be read."""
    error = None
    failed = []
    reader = Contents(options, sender, failed)
    try:
        found = reader.find(heard(path))
        for _, one in found:
            reader.send_contents(one, len(found) > 1)
    except (channels.Closed, values.RemoteError):
        pass  # that was enough
    except BaseException as e:
        error = e
        raise
    finally:
        reader.close()
        sender.close(error)
    return failed


class Contents(Reader):
    """Sends nothing but the bytes of files, and keeps what fails in `failed`."""

    def __init__(self, options, sender, failed):
        Reader.__init__(self, options, sender)
        self.failed = failed

    def send_contents(self, path, is_one_of_many):
        try:
            # The other end of a pipe may never come, and the files behind it would not either.
            mode = is_one_of_many and os.stat(path).st_mode
            if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                return self.fail(path, "not a file")
            fd = os.open(path, os.O_RDONLY)
            try:
                self.send_rest(fd)
            finally:
                os.close(fd)
        except EnvironmentError as e:
            self.fail(path, reason(e))

    def fail(self, path, problem):
        self.failed.append([told(path), problem])


def write(destination, options, events):
    """Write what comes: ["open", SENDER] tells `events` where to. [files, bytes, files that were
    there already, errors].
    """
    channel = channels.Channel()
    # What writes is compiled while the first files come.
    events.send(["open", channel.sender])
    return econtext.tier("files_intake").write(destination, options, events, channel.receiver)


def copy(paths, reading, destination, writing, events):
    """Both at once, when both are here. What `write` gives."""
    return econtext.tier("files_intake").copy(paths, reading, destination, writing, events)
