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
# Part 1: programs. It runs before the rest of the switch is compiled, which takes milliseconds: the
# program of the first START boots meanwhile.
posix = sys.modules["posix"]  # `os` has functions that user code, or econtext.forks, has replaced
monotonic = getattr(sys.modules["time"], "monotonic", time)
# Programs of the hop's process group end with the hop. They must not end by a signal that is meant
# for a call of the hop.
DEAF = b'trap "" INT QUIT TSTP;exec "$@"'
ERRORS = {2: "ENOENT", 7: "E2BIG", 8: "ENOEXEC", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 20: "ENOTDIR", 23: "ENFILE", 24: "EMFILE"}
SIGNAL_NAMES = dict((getattr(signal, key), key) for key in dir(signal) if key[:3] == "SIG" and key[3] != "_")


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


def explain(number, what=u""):
    """Return the text of a system error, such as `ENOENT: no such file or directory: podman`."""
    said = os.strerror(number)
    said = said[:1].lower() + said[1:]
    return u"%s: %s%s" % (ERRORS.get(number, "error %d" % number), said, what and u": " + what)


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
        numbers = [int(entry) for entry in posix.listdir("/proc/self/fd")]
    except EnvironmentError:
        numbers = range(3, 256)
    found = []
    for fd in numbers:
        try:
            if fd > 2 and not fcntl.fcntl(fd, 1) & 1:  # F_GETFD, FD_CLOEXEC
                found.append(fd)
        except EnvironmentError:
            pass  # it was the descriptor of the listing, or is closed
    return found


class Program(object):
    """A program that was started, and our ends of its descriptors."""

    pid = None
    problem = None  # why it could not be started, if that shows late

    def __init__(self, argv, options):
        """Start it. Raises OSError if it cannot be started."""
        self.argv = argv
        path = locate(argv[0])
        if "deaf" in options:
            path = b"/bin/sh"
            argv = [b"sh", b"-c", DEAF, b"sh"] + argv
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
        except EnvironmentError:
            close_all(theirs + self.ours)
            raise


def spawn(owner, program, argv, ends, terminal):
    """Start a program, and set `owner.pid`. Closes `ends`: the first three are its 0, 1 and 2.

    terminal: the path of a terminal that shall be the controlling one, or None.
    """
    if hasattr(os, "posix_spawn"):
        # No handler of os.register_at_fork runs, and no warning is given about threads.
        actions = [(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate(ends[:3])]
        if terminal:
            actions += [(os.POSIX_SPAWN_OPEN, 3, terminal, os.O_RDWR, 0), (os.POSIX_SPAWN_CLOSE, 3)]
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in inheritable()]
        options = {"setsid": True} if owner.own_session else {}
        try:
            owner.pid = os.posix_spawn(
                program, argv, CHILD_ENVIRONMENT, file_actions=actions, setsigmask=(), setsigdef=(13, 25), **options
            )
            return close_all(ends)
        except NotImplementedError:
            pass  # this C library cannot make a session
    # A fork may wait for a lock: in Python 2 for that of imports, in 3.7 for those of user code.
    thread.start_new_thread(fork, (owner, program, argv, ends, terminal))


def fork(owner, program, argv, ends, terminal):
    """As `spawn`, in a thread of its own."""
    unwanted = inheritable()
    try:
        owner.pid = posix.fork()
        if not owner.pid:
            become(program, argv, ends, terminal, owner.own_session, unwanted)
    except Exception as e:
        owner.problem = explain(e.args[0])
    close_all(ends)


def become(program, argv, ends, terminal, own_session, unwanted):
    """Run the program in this process, a fork."""
    try:
        if own_session:
            os.setsid()
        if terminal:
            os.close(posix.open(terminal, os.O_RDWR))
        for to, fd in enumerate(ends[:3]):
            os.dup2(fd, to)
        close_all(unwanted)
        for number in 13, 25:  # SIGPIPE, SIGXFSZ: the interpreter ignores both
            signal.signal(number, signal.SIG_DFL)
        posix.execve(program, argv, CHILD_ENVIRONMENT)
    except Exception as e:
        os.write(2, octets(explain(e.args[0]) + u"\n"))
    finally:
        os._exit(126)


def close_all(fds):
    for fd in fds:
        try:
            os.close(fd)
        except EnvironmentError:
            pass  # closed by user code


def kill(pid, number, whole_group=False):
    try:
        (os.killpg if whole_group else os.kill)(pid, number)
    except (EnvironmentError, TypeError):
        pass  # it has ended, is another user's, or was not started


CHILD_ENVIRONMENT = starting_environment()
early = None  # the program of the first START, if the master has told it before
if FIRST:
    try:
        early = Program([octets(word) for word in FIRST], ())
    except EnvironmentError:
        pass  # START will say why
exec(SWITCH, globals())
