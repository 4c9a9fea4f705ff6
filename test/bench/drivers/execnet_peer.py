"""execnet, driven for the bench: see loop.py for the protocol.

It has no calls: the nearest are items on a channel whose far end loops, and that loop is what calls
and bulk measure. It takes `ssh` from PATH, so a stand-in for it comes in that way. It does not
import from this side.
"""
import os
from concurrent.futures import ThreadPoolExecutor

import execnet

from loop import FIRST_HOST, PYTHON, clock, hosts, ms_since, sequential, serve

GETPID = "import os\nchannel.send(os.getpid())"
GETPIDS = "import os\nfor _ in channel:\n    channel.send(os.getpid())"
SIZES = "for item in channel:\n    channel.send(len(item))"
PATH = os.environ["PATH"]
held = []


def start(to, host=FIRST_HOST):
    """A gateway in a group of its own, so that it can be ended alone."""
    group = execnet.Group()
    if to["kind"] == "local":
        group.makegateway("popen//python=" + PYTHON)
    else:
        os.environ["PATH"] = os.path.dirname(to["program"]) + ":" + PATH
        group.makegateway("ssh=%s//ssh_config=%s//python=%s" % (host, to["config"], PYTHON))
    return group


def end(group):
    group.terminate(timeout=5)


def connect(to):
    begin = clock()
    group = start(to)
    group[0].remote_exec(GETPID).receive()
    took = ms_since(begin)
    end(group)
    return {"ms": took}


def open_(to):
    held.append(start(to))
    return {"pid": held[-1][0].remote_exec(GETPID).receive()}


def close():
    while held:
        end(held.pop())


def calls(n):
    channel = held[-1][0].remote_exec(GETPIDS)

    def call():
        channel.send(0)
        channel.receive()

    call()
    return sequential(call, n)


def pipelined(n, window):
    channel = held[-1][0].remote_exec(GETPIDS)
    begin = clock()
    for i in range(n):
        if i >= window:
            channel.receive()
        channel.send(0)
    for _ in range(min(n, window)):
        channel.receive()
    return {"perSecond": n * 1e3 / ms_since(begin)}


def bulk(bytes, n):
    channel = held[-1][0].remote_exec(SIZES)
    data = os.urandom(bytes)
    channel.send(b"x")
    channel.receive()
    begin = clock()
    for _ in range(n):
        channel.send(data)
    for _ in range(n):
        assert channel.receive() == bytes
    return {"ms": ms_since(begin)}


def fan(to, n):
    with ThreadPoolExecutor(n) as pool:
        list(pool.map(abs, range(n)))
        begin = clock()
        groups = list(pool.map(lambda host: start(to, host), hosts(n)))
        for channel in [g[0].remote_exec(GETPID) for g in groups]:
            assert channel.receive() > 0
        took = ms_since(begin)
        list(pool.map(end, groups))
    return {"ms": took}


serve("execnet " + execnet.__version__, {
    "connect": connect, "open": open_, "close": close, "calls": calls, "pipelined": pipelined, "bulk": bulk, "fan": fan})
close()
