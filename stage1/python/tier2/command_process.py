"""econtext.command_process: starts a command without `subprocess`, whose import takes longer than
everything else that a command needs.

Second tier: comes with econtext.commands. Twin: econtext.command_popen, for what posix_spawn cannot
do: a folder, a terminal, and Pythons before 3.8.
"""
import fcntl

from _io import FileIO

import econtext
from econtext import os, signal

F_SETPIPE_SZ = 1031  # of Linux
DEFAULT_PATH = b"/bin:/usr/bin"  # as os.defpath
environment = econtext.tier("environment")

# Python ignores these. A command must not inherit that.
RESTORED = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ") if hasattr(signal, name)]


class Process(object):
    """A process that was started, with as much of subprocess.Popen as econtext.commands uses."""

    stdin = stdout = stderr = None
    returncode = None  # as Popen has it: -N if signal N ended the process

    def poll(self):
        """The return code; None while the process runs."""
        return self.look(os.WNOHANG)

    def wait(self):
        return self.look(0)

    def look(self, flags):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, flags)
                if pid:
                    self.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            except ChildProcessError:
                self.returncode = 0  # user code ignores SIGCHLD: the status is lost
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def close(self):
        """Close our ends of its pipes."""
        for pipe in self.stdin, self.stdout, self.stderr:
            if pipe:
                pipe.close()


def refusal(error):
    """The result of a command that the system does not start."""
    return {"status": 127 if error.errno in (2, 20) else 126, "problem": os.strerror(error.errno)}


def can_start(options):
    """Whether this module can start a command with these options."""
    # posix_spawn sets no limits.
    is_plain = not ("tty" in options or "cwd" in options or getattr(econtext, "restore_limit", None))
    return is_plain and hasattr(os, "posix_spawn")


def hear(*_):
    """A handler of SIGCHLD. It does nothing, but the signal ends a system call that waits."""


def hears_children():
    """Whether the status of a child is ours: no handler of user code takes it, or ignores it."""
    return signal.getsignal(signal.SIGCHLD) in (signal.SIG_DFL, hear)


def prepare(fd):
    """Make a pipe to write to as large as the system allows, and writes to it not wait."""
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.fcntl(fd, fcntl.F_GETFL))
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, 1 << 20)
    except EnvironmentError:
        pass


def start(argv, options):
    """Start a command with a pipe for each stream that `options` names. Returns the process.

    Raises OSError as subprocess.Popen does.
    """
    process = Process()
    theirs = []
    actions = []
    try:
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            if options.get(name):
                ends = list(map(away, os.pipe()))
                theirs.append(ends.pop(number > 0))
                setattr(process, name, FileIO(ends[0], "wr"[number > 0] + "b"))
                actions.append((os.POSIX_SPAWN_DUP2, theirs[-1], number))
        if not process.stdin:
            actions.insert(0, (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0))
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in inheritable()]
        arguments = [argument.encode("utf-8") for argument in argv]
        process.pid = spawn(arguments, environment.of_command(options), actions)
        return process
    except BaseException:
        process.close()
        raise
    finally:
        for fd in theirs:
            os.close(fd)


def away(fd):
    """A descriptor above 2 for the same pipe. User code may have closed 0, 1 or 2."""
    if fd > 2:
        return fd
    other = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return other


def inheritable():
    """Descriptors that user code lets its own children have. A command gets none of them."""
    try:
        fds = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return  # no Linux: what is not closed there is what user code has asked for
    for fd in fds:
        try:
            if fd > 2 and os.get_inheritable(fd):
                yield fd
        except OSError:
            pass  # the descriptor of the list itself


def spawn(argv, variables, actions):
    """Start the first program of that name on the PATH of the command. Returns its id."""
    name = argv[0]
    folders = [b""] if b"/" in name else variables.get(b"PATH", DEFAULT_PATH).split(b":")
    problem = None
    for folder in folders:
        path = folder + b"/" * (folder[-1:] not in b"/") + name
        try:
            os.stat(path)  # to find out so costs less than a process that fails
            return os.posix_spawn(path, argv, variables, file_actions=actions, setsigdef=RESTORED)
        except OSError as e:
            # "Permission denied" in one folder says more than "not found" in the next.
            if problem is None or problem.errno in (2, 20):
                problem = e
    raise problem
