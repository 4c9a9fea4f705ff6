"""econtext.lend: makes a Bun of the master's run on a machine that has Python only, in memory, in
place of this slave.

Second tier. Twin: src/lend/lender.ts, which calls these in order: survey, write…, check, become.
Nothing is written to any disk: the program lies in a file that has no name (memfd_create, Linux
3.17).
"""
import fcntl
import os
import signal
import subprocess
import zlib

import econtext

# sent along: environment

CALLS = {"x86_64": 319, "aarch64": 279}  # memfd_create, for a Python older than 3.8
CLOEXEC = 1
EXEC = 16  # Linux 6.3; older ones refuse what they do not know
RUNTIME = 9  # the descriptor that it has in the end; a shell closes none above 9
WRAPPER = 8
NOT_EXECUTABLE = 22  # EINVAL

program = None  # its descriptor
inflater = zlib.decompressobj()


def survey(loader):
    """What decides whether it can run here. `loader`: the dynamic linker that it asks for."""
    global program
    about = os.uname()
    answer = {"system": about[0], "machine": about[4], "loader": os.path.exists(loader), "free": free_bytes(), "refused": None}
    answer["proc"] = os.path.exists("/proc/self/fd")
    try:
        program = memory_file(about[4])
    except EnvironmentError as e:
        answer["refused"] = os.strerror(e.errno)
    return answer


def free_bytes():
    try:
        for line in open("/proc/meminfo"):
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (EnvironmentError, ValueError):
        pass


def memory_file(machine):
    """A new file in memory that may be executed."""
    try:
        return create(machine, CLOEXEC | EXEC)
    except EnvironmentError as e:
        if e.errno != NOT_EXECUTABLE:
            raise
    return create(machine, CLOEXEC)


def create(machine, flags):
    if hasattr(os, "memfd_create"):
        return os.memfd_create("bun", flags)
    try:
        import ctypes
    except ImportError:
        raise OSError(38, "")  # ENOSYS
    fd = ctypes.CDLL(None, use_errno=True).syscall(CALLS.get(machine, -1), b"bun", flags)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "")
    return fd


def write(chunk):
    """The next bytes of the program's zlib stream. None, or the number of a system error."""
    data = memoryview(inflater.decompress(chunk))
    try:
        while len(data):
            data = data[os.write(program, data) :]
    except EnvironmentError as e:
        return e.errno


def check():
    """Whether all of it has come, and it starts: [system error or None, exit status, what it
    printed].
    """
    global program
    if inflater.flush() or inflater.unused_data:
        raise ValueError("the program has not arrived whole")
    program = read_only(program)
    try:
        process = subprocess.Popen(
            [path(program), "--version"],
            stdin=open(os.devnull, "rb"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, BUN_BE_BUN="1"),
            close_fds=True,
        )
    except EnvironmentError as e:
        return [e.errno, None, ""]
    said = process.communicate()[0].decode("utf-8", "replace")
    return [None, process.returncode, said[-2000:]]


def read_only(fd):
    """Instead of `fd`: a file that a process may write to is not executed."""
    reading = os.open("/proc/self/fd/%d" % fd, os.O_RDONLY)
    fcntl.fcntl(reading, fcntl.F_SETFD, 1)
    os.close(fd)
    return reading


def path(fd):
    return "/proc/%d/fd/%d" % (econtext.pid, fd)


def become(argv):
    """Answer, then run `argv` in this process, on the connection. RUNTIME is the program, WRAPPER a
    script that runs it: what a child finds under the name of either, because this process lives as
    long as the slave.
    """
    environment = econtext.tier("environment").inherited()
    wrapper = memory_file(os.uname()[4])
    os.write(wrapper, ('#!/bin/sh\nBUN_BE_BUN=1 exec %s "$@"\n' % path(RUNTIME)).encode("ascii"))
    wrapper = read_only(wrapper)
    # The I/O thread never reads again: what comes now is for the runtime that comes after us.
    econtext.wanted = True
    os.write(econtext.alarm, b"k")
    econtext.role.acquire()
    econtext.settle()
    econtext.drain()
    econtext.send(econtext.busy, b"null")
    while econtext.out or econtext.rest:
        econtext.poll(econtext.poller(econtext.cout), 50)
        econtext.flush(False)
    econtext.write_lock.acquire()
    try:
        take(wrapper)
        for name in "SIGPIPE", "SIGXFSZ", "SIGXFZ":
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execvpe(argv[0], argv, environment)
    finally:
        os._exit(126)


def take(wrapper):
    """Put what is handed down where it belongs; all else is closed on exec."""
    # Out of the way of one another.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 32) for fd in (econtext.cin, econtext.cout, wrapper, program)]
    for fd in high:
        fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)
    for fd, to in zip(high, (0, 1, WRAPPER, RUNTIME)):
        os.dup2(fd, to)
