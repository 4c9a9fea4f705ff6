# The switch, part 2: processes. What the first child is seldom started with, and how one is ended.
ERRORS = {2: "ENOENT", 7: "E2BIG", 8: "ENOEXEC", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 20: "ENOTDIR", 23: "ENFILE", 24: "EMFILE"}
SIGNAL_NAMES = dict((getattr(signal, key), key) for key in dir(signal) if key[:3] == "SIG" and key[3] != "_")



def explain(number, what=u""):
    """Return the text of a system error, such as `ENOENT: no such file or directory: podman`."""
    said = os.strerror(number)
    said = said[:1].lower() + said[1:]
    return u"%s: %s%s" % (ERRORS.get(number, "error %d" % number), said, what and u": " + what)


def fork(owner, program, argv, ends, terminal):
    """As `spawn`, in a thread of its own."""
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
        close_all(inheritable())
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
