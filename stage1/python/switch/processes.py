# The switch, part 2: processes. How a program is started when `Program` (start.py) does not do, and
# how one is ended.
ERRORS = {2: "ENOENT", 7: "E2BIG", 8: "ENOEXEC", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 20: "ENOTDIR", 23: "ENFILE", 24: "EMFILE"}
SIGNAL_NAMES = dict((getattr(signal, key), key) for key in dir(signal) if key[:3] == "SIG" and key[3] != "_")
# Each child takes three descriptors of the hop. A higher limit would slow down code that closes
# every number up to it, as Python 2 does.
MAX_FILES = 65536
monotonic = getattr(sys.modules["time"], "monotonic", time)
is_foreseen = False  # that the limit of open files is raised
resource = None  # the module, from then on
ends = set()  # descriptors of children: econtext.forks closes them in a fork
listed = None  # see `inheritable_now`
restore_limit = None  # as `limiting`, for a new process: econtext.command_popen calls it

if not CHILD_ENVIRONMENT:
    try:
        CHILD_ENVIRONMENT = starting_environment()
    except EnvironmentError:  # no /proc
        CHILD_ENVIRONMENT = dict(getattr(os, "environb", os.environ))


def explain(number, what=u""):
    """Return the text of a system error, such as `ENOENT: no such file or directory: podman`."""
    said = os.strerror(number)
    said = said[:1].lower() + said[1:]
    return u"%s: %s%s" % (ERRORS.get(number, "error %d" % number), said, what and u": " + what)


def locate(program):
    """Return the path of a program. Raises OSError if there is none that can be executed."""
    number = 2  # ENOENT
    for place in places_of(program):
        if posix.access(place, os.X_OK) and posix.stat(place).st_mode & 61440 != 16384:  # S_IFDIR
            return place
        if posix.access(place, os.F_OK):
            number = 13  # EACCES
    raise OSError(number, os.strerror(number))


def open_descriptors():
    """Return the numbers of all open descriptors but those of children."""
    try:
        return set(map(int, posix.listdir("/proc/self/fd"))) - ends
    except EnvironmentError:
        return range(3, 256)


def inheritable_now():
    """Return what was inheritable after the stream was read last.

    One reading may bring a hundred orders. To list all descriptors for each of them would take a
    time that grows with the square of the number of children.
    """
    global listed
    if listed is None:
        listed = inheritable(open_descriptors())
    return listed


class AnyProgram(Program):
    """A program that is started in whatever way its options and this system need."""

    def __init__(self, argv, options):
        raise_limit()
        Program.__init__(self, argv, options)

    def spawn(self, path, argv, ends, options):
        terminal = None
        if "pty" in options:
            self.ours.extend(os.openpty())
            fcntl.fcntl(self.ours[3], 4, os.O_NONBLOCK)
            for fd in self.ours[3:]:
                fcntl.fcntl(fd, 2, 1)  # F_SETFD
            terminal = os.ttyname(self.ours[4])
        if hasattr(posix, "posix_spawn"):
            actions = []
            if terminal:
                actions = [(posix.POSIX_SPAWN_OPEN, 3, terminal, os.O_RDWR, 0), (posix.POSIX_SPAWN_CLOSE, 3)]
            try:
                if concealing:
                    set_filter(False)
                return Program.spawn(self, path, argv, ends, options, actions)
            except NotImplementedError:
                pass  # this C library cannot make a session
            finally:
                if concealing:
                    set_filter(True)
        # A fork may wait for a lock: of imports in Python 2, of user code in 3.7.
        thread.start_new_thread(fork, (self, path, argv, ends, terminal))


def fork(owner, program, argv, ends, terminal):
    """Start a program as `spawn` does, in a thread of its own."""
    try:
        owner.pid = posix.fork()
        if not owner.pid:
            become(program, argv, ends, terminal, owner.own_session)
    except Exception as e:
        owner.problem = explain(e.args[0])
    close_all(ends)


def become(program, argv, ends, terminal, own_session):
    """Run the program in this process, a fork."""
    try:
        if concealing:
            set_filter(False)
        if own_session:
            os.setsid()
        if terminal:
            os.close(posix.open(terminal, os.O_RDWR))
        for to, fd in enumerate(ends[:3]):
            os.dup2(fd, to)
        # Listed only now: another thread may make a pipe at any time. Python 2 makes it one that is
        # inherited, at first.
        close_all(inheritable(open_descriptors()))
        if restore_limit:
            restore_limit()  # it may have been raised since this program was begun
        for number in 13, 25:  # SIGPIPE, SIGXFSZ: the interpreter ignores both
            signal.signal(number, signal.SIG_DFL)
        posix.execve(program, argv, CHILD_ENVIRONMENT)
    except Exception as e:
        os.write(2, octets(explain(e.args[0]) + u"\n"))
    finally:
        os._exit(126)


def kill(pid, number, whole_group=False):
    try:
        (os.killpg if whole_group else os.kill)(pid, number)
    except (EnvironmentError, TypeError):
        pass  # it has ended, is another user's, or was not started


# -- Core files ------------------------------------------------------------------------------------
# On Linux this file says which memory a core file gets. What a process starts inherits it.
CORE_FILTER = "/proc/self/coredump_filter"
concealing = set()  # reasons for core files without memory
own_filter = b""  # what it was


def conceal(reason, wanted):
    """Keep the memory of this process out of core files, as long as there is a reason."""
    global own_filter
    before = bool(concealing)
    (concealing.add if wanted else concealing.discard)(reason)
    if before != bool(concealing):
        if not own_filter:
            own_filter = b"0x" + (filter_file(os.O_RDONLY, posix.read, 64) or b"33").strip()
        set_filter(bool(concealing))


def set_filter(hidden):
    filter_file(os.O_WRONLY, posix.write, b"0" if hidden else own_filter)


def filter_file(mode, act, argument):
    try:
        fd = posix.open(CORE_FILTER, mode)
        try:
            return act(fd, argument)
        finally:
            os.close(fd)
    except EnvironmentError:
        pass  # no Linux

# -- The limit of open files -----------------------------------------------------------------------
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
    """Let this process have more open files than its account has by default, if it needs them."""
    global limiting, restore_limit
    if limiting or not resource:
        return
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
