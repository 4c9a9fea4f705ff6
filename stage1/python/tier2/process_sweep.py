"""econtext.process_sweep: ends the processes that a cancelled call has left behind, or a command of
a context that goes on.

Second tier: sent with econtext.interruption, and compiled when there may be such processes, so that
no other call pays for it.
"""
import os
import select
from time import time

from econtext import signal

POLL_SECONDS = 0.01
TERM_SECONDS = 0.1  # what a process has to end by itself
KILL_SECONDS = 2  # what the system has to end it


def every_id():
    """Of each process, as far as the system tells."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def processes(ids):
    """(pid, (parent, process group, session, start)) of each of these that lives. `start`: in ticks
    since the boot.
    """
    for pid in ids:
        try:
            # Unbuffered: so a file takes half the time.
            with open("/proc/%d/stat" % pid, "rb", 0) as file:
                about = file.read().rpartition(b")")[2].split()
        except EnvironmentError:
            continue  # it has ended meanwhile
        if about[0] not in b"ZX":
            yield pid, tuple(map(int, about[1:4] + about[19:20]))


def uptime():
    """Seconds since the boot."""
    try:
        from time import clock_gettime

        return clock_gettime(7)  # CLOCK_BOOTTIME of Linux
    except (ImportError, EnvironmentError):
        with open("/proc/uptime") as file:
            return float(file.read().split()[0])


def sweep(began, last):
    """End what a call that began then, when `last` was the newest process, has started and is still
    in our process group.
    """
    try:
        first = int((uptime() - (time() - began)) * os.sysconf("SC_CLK_TCK"))
    except (EnvironmentError, ValueError):
        return  # this system does not tell
    group = os.getpgrp()
    us = os.getpid()

    def left():
        # Ticks are long: of those that started about then, the ids tell which are newer.
        return [
            pid
            for pid, (_, members, _, start) in processes(every_id())
            if members == group and pid != us and start >= first - 1 and (pid > last or start > first + 1)
        ]

    known = left()
    if known:
        signal_all(known, signal.SIGTERM)
        wait_for_end(left)


def sweep_after(command, newest, ids=None):
    """End what a command has left in our process group, as the guard does when a context ends.

    command: its id. newest: the id of the newest process. ids: of all that can be its processes, if
    this is known; what these start meanwhile may be others.
    """
    # Only when ids begin anew is one of its processes older by its id.
    after = command if newest > command else 0
    group = os.getpgrp()
    us = os.getpid()

    def left(ids=None):
        if ids is None:
            ids = [pid for pid in every_id() if pid > after]
        return [pid for pid, (_, members, _, _) in processes(ids) if members == group and pid != us]

    known = left(ids)
    if known:
        signal_all(known, signal.SIGTERM)
        wait_for_end(left)


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            pass  # it has just ended, or belongs to another user


def wait_for_end(left):
    """Wait until `left` gives no process. Kill those that do not end by themselves, and what these
    have started meanwhile.
    """
    began = time()
    pids = left()
    while pids and time() < began + KILL_SECONDS:
        if time() >= began + TERM_SECONDS:
            signal_all(pids, signal.SIGKILL)
        try:
            select.select([], [], [], POLL_SECONDS)
        except select.error:
            pass  # EINTR
        pids = left()
