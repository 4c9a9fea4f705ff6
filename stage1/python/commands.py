"""econtext.commands: runs a command without a shell and sends what it prints, as it is, to two handles of the master.

Second tier. Twin: src/exec.ts. Each handle receives byte chunks in order, then None. The command stays in this context's process group:
whatever becomes of the context, its guard ends the command too.
"""
import os
import select
import signal
import subprocess
from time import time

import econtext
from econtext import external, values

CHUNK = 65536
TERM_SECONDS = 0.1  # less than what the core gives a cancelled call before it interrupts it again

# In Python 2 a str that is UTF-8 would arrive as text.
wrap = bytes if econtext.PY3 else values.Bytes


def run(argv, stdout, stderr, cwd=None, env=None):
    """Run `argv` to its end: {"status": N}; killed by a signal: {"status": 128 + N, "signal": NAME}; as a shell says it when it cannot be
    run: {"status": 127 or 126, "problem": TEXT}. A handle of 0: what it prints there becomes log records."""
    open_handles = [handle for handle in (stdout, stderr) if handle]
    try:
        if cwd is not None:
            os.stat(cwd)  # so that a missing folder is not taken for a missing command
        try:
            process = start(argv, stdout, stderr, cwd, env)
        except EnvironmentError as e:
            if e.errno not in (2, 8, 13, 20):
                raise
            missing = e.errno in (2, 20)
            return {"status": 127 if missing else 126, "problem": os.strerror(e.errno)}
        try:
            with_pipes = {}
            for handle, pipe in (stdout, process.stdout), (stderr, process.stderr):
                if pipe:
                    with_pipes[pipe.fileno()] = handle
            forward(with_pipes)
            return ending(process.wait())
        finally:
            kill(process)
    finally:
        for handle in open_handles:
            external.context.master.send(handle, None)


def start(argv, stdout, stderr, cwd, env):
    # Bytes, because the locale over there may know ASCII only.
    environment = dict(getattr(os, "environb", os.environ))
    for name, value in (env or {}).items():
        environment[name.encode("utf-8")] = value.encode("utf-8")
    return subprocess.Popen(
        [argument.encode("utf-8") for argument in argv],
        bufsize=0,
        stdin=open(os.devnull, "rb"),
        stdout=subprocess.PIPE if stdout else None,
        stderr=subprocess.PIPE if stderr else None,
        cwd=cwd,
        env=environment,
        close_fds=True,
        # Python ignores SIGPIPE, and version 2 hands that down.
        preexec_fn=None if econtext.PY3 else lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
    )


def forward(handles):
    """Send what the pipes hold to their handles until both have ended."""
    poll = select.poll()
    for fd in handles:
        poll.register(fd, select.POLLIN)
    left = len(handles)
    while left:
        try:
            ready = poll.poll()
        except select.error as e:
            if e.args[0] != 4:
                raise
            continue
        for fd, _ in ready:
            chunk = os.read(fd, CHUNK)
            if not chunk:
                poll.unregister(fd)
                left -= 1
                continue
            external.context.master.send(handles[fd], wrap(chunk))


def ending(code):
    if code >= 0:
        return {"status": code}
    names = [name for name in dir(signal) if name[:3] == "SIG" and name[3] != "_" and getattr(signal, name) == -code]
    return {"status": 128 - code, "signal": names[0] if names else "signal %d" % -code}


def kill(process):
    """When the call was cancelled: end the command and its children, which are all that is in our process group besides us."""
    try:
        if process.poll() is None:
            handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
            signal.signal(signal.SIGTERM, handler)
            stop = time() + TERM_SECONDS
            while process.poll() is None and time() < stop:
                select.select([], [], [], 0.01)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in process.stdout, process.stderr:
            if pipe:
                pipe.close()
