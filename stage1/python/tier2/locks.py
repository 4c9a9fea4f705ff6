"""econtext.locks: how a thread of user code waits for what another thread, or the one that reads
the stream, has to say.

Second tier: comes with econtext.channels. Twin: none; JavaScript has promises.
"""
import os
import time

import econtext
from econtext import PY3, thread

interruption = econtext.tier("interruption")

INTERRUPTIBLE = ("rest",)
EVER = 1e6  # seconds
SLICE = 0.05  # of waiting for a lock, after which it is looked whether the call is cancelled
now = getattr(time, "monotonic", time.time)


class Lock(object):
    """A lock whose waiters can be interrupted, in Python 2 too, but only while they do not have it;
    anybody may release it, once or more.
    """

    def __init__(self, taken=False):
        self.lock = thread.allocate_lock()
        if taken:
            self.lock.acquire()

    def take(self, seconds=EVER):
        """Whether it could be taken within that time."""
        if self.lock.acquire(False):
            return True
        stop = now() + seconds
        pause = 0.0005
        while True:
            left = stop - now()
            if left <= 0:
                return False
            if PY3:
                if self.lock.acquire(True, min(SLICE, left)):
                    return True
            else:
                time.sleep(min(pause, left))
                pause = min(pause * 2, 0.02)
                if self.lock.acquire(False):
                    return True
            interruption.check()

    def release(self):
        try:
            self.lock.release()
        except thread.error:
            pass

    def __enter__(self):
        while not self.take():
            pass

    def __exit__(self, *_):
        self.release()


def wait(ends, until=None):
    """Wait until one of the ends is ready; False when `until` has passed first."""
    if any([end.ready() for end in ends]):
        return True
    bell = Lock(True)
    for end in ends:
        end.listeners.append(bell.release)
    # For other threads, the thread that reads already is soon enough; and while one is in there,
    # the I/O thread looks up every 5 ms.
    asking = econtext.asking if thread.get_ident() == econtext.main_thread else []
    asking.append(bell)
    try:
        if asking is econtext.asking:
            listen()
        while not any([end.ready() for end in ends]):
            left = EVER if until is None else until - now()
            if left <= 0:
                return False
            rest(bell.lock, min(left, EVER))
        return True
    finally:
        asking.remove(bell)
        for end in ends:
            end.listeners.remove(bell.release)


def rest(lock, seconds):
    """Wait until a lock that is ours alone is released, or so long. May be interrupted at any
    point.
    """
    if PY3:
        lock.acquire(True, seconds)
        return
    stop = now() + seconds
    pause = 0.0005
    while not lock.acquire(False) and now() < stop:
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def listen():
    """Have the stream read at once, if no thread does: for a thread that is in `asking`."""
    if not econtext.role.locked():
        try:
            os.write(econtext.bell, b"k")
        except OSError:
            pass  # full: it is awake
