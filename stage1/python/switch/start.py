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
# The child waits for this part to be compiled, so it has only what most first children need. What
# it cannot do fails here without effect; part 2 does it again.
posix = sys.modules["posix"]  # `os` has functions that user code, or econtext.forks, has replaced


def starting_environment():
    """Return the environment that this process was started with, as bytes.

    Children get it. What user code has changed since, it has changed for itself.
    """
    fd = posix.open("/proc/self/environ", os.O_RDONLY)
    try:
        data = b"".join(iter(lambda: posix.read(fd, MAX_FRAME), b""))
    finally:
        os.close(fd)
    variables = dict(entry.split(b"=", 1) for entry in data.split(b"\0") if b"=" in entry[1:])
    # boot.py: sh/run_python.sh has put a 1 in front.
    variables.pop(b"PYTHONSAFEPATH", None)
    if safe:
        variables[b"PYTHONSAFEPATH"] = safe
    return variables


def octets(words):
    return words if isinstance(words, bytes) else words.encode("utf-8", "surrogateescape" if PY3 else "strict")


def places_of(program):
    """Return the paths that a program may have."""
    folders = CHILD_ENVIRONMENT.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin").split(b":")
    return [program] if b"/" in program else [(folder or b".") + b"/" + program for folder in folders]


def locate(program):
    """Return the path of a program. Part 2 has one that says what is wrong."""
    return next(place for place in places_of(program) if posix.access(place, os.X_OK))


def inheritable(numbers):
    """Return the descriptors, of these, that user code wants its own children to have."""
    found = []
    for fd in numbers:
        try:
            if fd > 2 and not fcntl.fcntl(fd, 1) & 1:  # F_GETFD, FD_CLOEXEC
                found.append(fd)
        except EnvironmentError:
            pass  # it was the descriptor of the listing, or is closed
    return found


def inheritable_now():
    """Return all of them. Part 2 has one that looks less often."""
    return inheritable(map(int, posix.listdir("/proc/self/fd")))


class Program(object):
    """A program that was started, and our ends of its descriptors."""

    pid = None
    problem = None  # why it could not be started, if that shows late
    sent = 0  # bytes of its preamble that are written

    def __init__(self, argv, options):
        """Start it. Raises OSError if it cannot be started."""
        path = locate(argv[0])
        # Programs of the hop's process group end with the hop. They must not end by a signal that
        # is meant for a call of the hop.
        script = limiting + (b'trap "" INT QUIT TSTP;' if "deaf" in options else b"")
        if script:
            path = b"/bin/sh"
            argv = [b"sh", b"-c", script + b'exec "$@"', b"sh"] + argv
        self.own_session = "deaf" not in options or "pty" in options
        self.ours = []
        ends = []
        try:
            for ours in 1, 0, 0:
                both = pipe()
                self.ours.append(both[ours])
                ends.append(both[1 - ours])
                fcntl.fcntl(both[1 - ours], 4, 0)  # F_SETFL: it blocks
            self.spawn(path, argv, ends, options)
        except Exception:
            close_all(ends + self.ours)
            raise

    def spawn(self, path, argv, ends, options, actions=[]):
        """Start the program, and set `pid`. Closes `ends`: they are its 0, 1 and 2."""
        # No handler of os.register_at_fork runs, and no warning is given about threads.
        self.pid = posix.posix_spawn(
            path,
            argv,
            CHILD_ENVIRONMENT,
            file_actions=[(posix.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate(ends)]
            + actions
            + [(posix.POSIX_SPAWN_CLOSE, fd) for fd in inheritable_now()],
            setsigmask=(),
            setsigdef=(13, 25),
            **({"setsid": True} if self.own_session else {})
        )
        close_all(ends)


def close_all(fds):
    for fd in fds:
        try:
            os.close(fd)
        except EnvironmentError:
            pass  # closed by user code


stored = {}  # what KEEP has brought, by key
begun_early = {}  # by the context of a START that came before part 2: its program
delayed = []  # frames that came before part 2
limiting = b""  # what a shell does to give a program the limit of the account: see processes.py
CHILD_ENVIRONMENT = {}


def forward(dst, frame):
    """Do what cannot wait for the other parts of the switch, and delay the other frames."""
    handle = HEAD.unpack_from(frame)[3]
    if handle == 106:  # BOOT
        exec(zlib.decompress(frame[24:]), globals())
        for each in delayed:
            forward(*each)
        del delayed[:]
        return
    delayed.append((dst, frame))
    try:
        if dst == me | 1 << 31 and not frame[20]:
            begin_early(handle, frame[24:])
    except Exception:
        pass  # the switch will do it again, and say why it cannot


def begin_early(operation, body):
    """Take in bytes of KEEP. Start the program of START, and write what it reads first."""
    end = 5 + struct.unpack_from(">I", body, 1)[0]
    words = loads(body[5:end])

    def bytes_of(pieces):
        # A piece is a key, or two numbers: where its bytes begin, and how many they are. Then they
        # are in `core`, or, as {"!b": NUMBERS}, behind the text.
        return b"".join(
            [
                stored[piece] if isinstance(piece, str)
                else core[piece[0] : sum(piece)] if isinstance(piece, list)
                else body[end + piece["!b"][0] : end + sum(piece["!b"])]
                for piece in pieces
            ]
        )

    if operation == 6:
        stored[words[0]] = bytes_of(words[1:])
    elif operation == 8 and words[0] == me | 1 << 31:
        begin_early(words[1], bytes_of(words[4]))
    elif operation == 1 and "pty" not in words[4]:
        CHILD_ENVIRONMENT.update(starting_environment())
        begun_early[words[0]] = program = Program([octets(word) for word in words[1]], words[4])
        if "hold" not in words[4]:
            program.sent = os.write(program.ours[0], bytes_of(words[2]))
