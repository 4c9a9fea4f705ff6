# The switch of a Python hop: starts children of this context and passes frames between them and the
# master. Spec: docs/protocol.md, "The switch". Twin: stage1/javascript/switch.
#
# This is no module. The core runs this text once in its own namespace, on the thread that holds the
# role (core/stream.py, `forward`). From then on the text is a part of the core. So its names must
# differ from the core's names, except for `forward` and `pump`, which it replaces.
#
# User code may hang at any point, and the switch must still work. Therefore it waits for nothing:
# no lock that user code may hold, no descriptor, no import. (In Python 2 every import statement
# waits for the global import lock.) It takes modules from sys.modules.
#
# Part 1: programs. It comes as a program of its own, before the first START. The other parts come
# after that START: while they arrive and are compiled, which takes milliseconds, the child boots.
posix = sys.modules["posix"]  # `os` has functions that user code, or econtext.forks, has replaced
monotonic = getattr(sys.modules["time"], "monotonic", time)
# Programs of the hop's process group end with the hop. They must not end by a signal that is meant
# for a call of the hop.
DEAF = b'trap "" INT QUIT TSTP;'
# Each child takes three descriptors of the hop. A higher limit would slow down code that closes
# every number up to it, as Python 2 does.
MAX_FILES = 65536


def starting_environment():
    """Return the environment that this process was started with, as bytes.

    Children get it. What user code has changed since, it has changed for itself.
    """
    try:
        fd = posix.open("/proc/self/environ", os.O_RDONLY)
        try:
            data = b"".join(iter(lambda: posix.read(fd, MAX_FRAME), b""))
        finally:
            os.close(fd)
        variables = dict(entry.split(b"=", 1) for entry in data.split(b"\0") if b"=" in entry[1:])
    except EnvironmentError:
        variables = dict(getattr(os, "environb", os.environ))
    # boot.py: sh/run_python.sh has put a 1 in front.
    variables.pop(b"PYTHONSAFEPATH", None)
    if safe:
        variables[b"PYTHONSAFEPATH"] = octets(safe)
    return variables


def octets(words):
    return words if isinstance(words, bytes) else words.encode("utf-8", "surrogateescape" if PY3 else "strict")


def locate(program):
    """Return the path of a program. Raises OSError if there is none that can be executed."""
    folders = CHILD_ENVIRONMENT.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin").split(b":")
    number = 2  # ENOENT
    for place in [program] if b"/" in program else [(folder or b".") + b"/" + program for folder in folders]:
        if posix.access(place, os.X_OK) and posix.stat(place).st_mode & 61440 != 16384:  # S_IFDIR
            return place
        if posix.access(place, os.F_OK):
            number = 13  # EACCES
    raise OSError(number, os.strerror(number))


def inheritable():
    """Return the descriptors from 3 on that user code wants its own children to have."""
    try:
        numbers = set(map(int, posix.listdir("/proc/self/fd")))
    except EnvironmentError:
        numbers = set(range(3, 256))
    found = []
    for fd in numbers - ends:
        try:
            if fd > 2 and not fcntl.fcntl(fd, 1) & 1:  # F_GETFD, FD_CLOEXEC
                found.append(fd)
        except EnvironmentError:
            pass  # it was the descriptor of the listing, or is closed
    return found


def inheritable_now():
    """Return what `inheritable` found after the stream was read last.

    One reading may bring a hundred orders. To list all descriptors for each of them would take a
    time that grows with the square of the number of children.
    """
    global listed
    if listed is None:
        listed = inheritable()
    return listed


def foresee(fd):
    """Prepare to raise the limit of open files, when half of them are used."""
    global is_foreseen
    if not is_foreseen and fd > os.sysconf("SC_OPEN_MAX") // 2:
        is_foreseen = True
        # An import may wait for the imports of user code.
        thread.start_new_thread(import_resource, ())


def import_resource():
    global resource
    try:
        import resource
    except ImportError:
        pass  # Debian's minimal Python has none: the limit stays as it is


def raise_limit():
    """Let this process have more open files than its account has by default."""
    global limiting, restore_limit
    try:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        more = MAX_FILES if hard < 0 else min(hard, MAX_FILES)
        if 0 < soft < more:
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            # What is started from now on gets the limit of the account.
            limiting = octets(u"ulimit -Sn %d;" % soft)
            restore_limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except Exception:
        pass  # user code has set another limit meanwhile


ends = set()  # descriptors of children: econtext.forks closes them in a fork
listed = None  # see `inheritable_now`
concealing = set()  # reasons for core files without memory: see `conceal`


class Program(object):
    """A program that was started, and our ends of its descriptors."""

    pid = None
    problem = None  # why it could not be started, if that shows late
    sent = 0  # bytes of its preamble that are written

    def __init__(self, argv, options):
        """Start it. Raises OSError if it cannot be started."""
        path = locate(argv[0])
        if resource and not limiting:
            raise_limit()
        script = limiting + (DEAF if "deaf" in options else b"")
        if script:
            path = b"/bin/sh"
            argv = [b"sh", b"-c", script + b'exec "$@"', b"sh"] + argv
        self.own_session = "deaf" not in options or "pty" in options
        self.ours = []
        theirs = []
        terminal = None
        try:
            for ours in 1, 0, 0:
                both = pipe()
                self.ours.append(both[ours])
                theirs.append(both[1 - ours])
                fcntl.fcntl(both[1 - ours], 4, 0)  # F_SETFL: it blocks
            if "pty" in options:
                self.ours.extend(os.openpty())
                fcntl.fcntl(self.ours[3], 4, os.O_NONBLOCK)
                for fd in self.ours[3:]:
                    fcntl.fcntl(fd, 2, 1)  # F_SETFD
                terminal = os.ttyname(self.ours[4])
            spawn(self, path, argv, theirs, terminal)
        except Exception:
            close_all(theirs + self.ours)
            raise
        foresee(self.ours[2])


def spawn(owner, program, argv, ends, terminal):
    """Start a program, and set `owner.pid`. Closes `ends`: the first three are its 0, 1 and 2.

    terminal: the path of a terminal that shall be the controlling one, or None.
    """
    if hasattr(os, "posix_spawn"):
        # No handler of os.register_at_fork runs, and no warning is given about threads.
        actions = [(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate(ends[:3])]
        if terminal:
            actions += [(os.POSIX_SPAWN_OPEN, 3, terminal, os.O_RDWR, 0), (os.POSIX_SPAWN_CLOSE, 3)]
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in inheritable_now()]
        options = {"setsid": True} if owner.own_session else {}
        try:
            if concealing:
                set_filter(False)
            owner.pid = os.posix_spawn(
                program, argv, CHILD_ENVIRONMENT, file_actions=actions, setsigmask=(), setsigdef=(13, 25), **options
            )
            return close_all(ends)
        except NotImplementedError:
            pass  # this C library cannot make a session
        finally:
            if concealing:
                set_filter(True)
    # A fork may wait for a lock: in Python 2 for that of imports, in 3.7 for those of user code.
    thread.start_new_thread(fork, (owner, program, argv, ends, terminal))


def close_all(fds):
    for fd in fds:
        try:
            os.close(fd)
        except EnvironmentError:
            pass  # closed by user code


def value_of(body):
    """Return a value of JSON and memory. (econtext.values would have to be fetched.)"""
    parts = b""
    if body[:1] == b"\0":
        end = 5 + struct.unpack_from(">I", body, 1)[0]
        parts = body[end:]
        body = body[5:end]

    def revive(value):
        if isinstance(value, list):
            return [revive(item) for item in value]
        if isinstance(value, dict) and list(value) == ["!b"]:
            at, size = value["!b"]
            return memoryview(parts)[at : at + size]
        return value

    return revive(loads(body))


def bytes_of(pieces):
    """Return a list of bytes from some bytes, or from a list of bytes and keys of what is kept."""
    pieces = pieces if isinstance(pieces, list) else [pieces]
    return [piece.tobytes() if isinstance(piece, memoryview) else stored[piece] for piece in pieces]


CHILD_ENVIRONMENT = starting_environment()
is_foreseen = False  # that the limit of open files is raised
resource = None  # the module, from then on
limiting = b""  # what a shell does to give a program the limit of the account
restore_limit = None  # the same for a new process: econtext.command_popen calls it
stored = {}  # what KEEP has brought, by key
begun_early = {}  # by the context of a START that came before part 2: its program
delayed = []  # frames that came before part 2


def forward(dst, frame):
    """Do what cannot wait for the other parts of the switch, and delay the other frames."""
    handle, _, n = struct.unpack_from(">III", frame, 12)
    if handle == 106:  # BOOT
        exec(zlib.decompress(frame[24:]), globals())
        for each in delayed:
            forward(*each)
        del delayed[:]
        return
    if dst == me | 1 << 31 and not n >> 24:
        try:
            begin_early(handle, *value_of(frame[24:]))
        except Exception:
            pass  # the switch will do it again, and say why it cannot
    delayed.append((dst, frame))


def begin_early(operation, *words):
    """Take in bytes of KEEP. Start the program of START, and write what it reads first."""
    global listed
    listed = None
    if operation == 6:
        stored[words[0]] = words[1].tobytes()
    elif operation == 8 and words[0] == me | 1 << 31:
        begin_early(words[1], *value_of(b"".join(bytes_of(words[4]))))
    elif operation == 1:
        ident, argv, preamble, _ = words[:4]
        options = words[4] if words[4:] else {}
        data = b"".join(bytes_of(preamble))
        begun_early[ident] = program = Program([octets(word) for word in argv], options)
        if "hold" not in options:
            program.sent = os.write(program.ours[0], data)
