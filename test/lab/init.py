"""The first process of a host of the laboratory: reaps orphans, and ends with standard input.

The kernel then kills every other process of the host.
"""
import os
import signal


def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except OSError:
        pass


signal.signal(signal.SIGCHLD, reap)
reap()
while os.read(0, 512):
    pass
