"""Mitogen, driven for the bench: see loop.py for the protocol.

Its contexts are opened by blocking calls, so a fan-out takes a thread for each; the pool is warmed
before the clock starts. Compression is off: what the bench sends cannot be compressed, and zlib
would be what is measured.
"""
import os
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.environ["BENCH_PACKAGE"])

import mitogen
import mitogen.core
import mitogen.master

import farside
from loop import FIRST_HOST, PYTHON, clock, hosts, ms_since, sequential, serve

broker = mitogen.master.Broker()
router = mitogen.master.Router(broker)
held = []


def through(to):
    """The bastion, which the contexts of one fan-out share."""
    return router.ssh(
        hostname=to["path"].split("/")[0], python_path=PYTHON, ssh_args=["-F", to["config"]],
        compression=False, connect_timeout=60)


def behind(to, via, number):
    target = to["path"].split("/")[1].replace("#", str(number))
    if target == "local":
        return router.local(via=via, python_path=PYTHON, connect_timeout=60)
    return router.ssh(
        via=via, hostname=target, python_path=PYTHON, compression=False, connect_timeout=60)


def start(to, host=FIRST_HOST):
    if to["kind"] == "local":
        return router.local(python_path=PYTHON, connect_timeout=60)
    return router.ssh(
        hostname=host, python_path=PYTHON, ssh_path=to["program"], ssh_args=["-F", to["config"]],
        compression=False, connect_timeout=60)


def connect(to):
    begin = clock()
    context = start(to)
    context.call(os.getpid)
    took = ms_since(begin)
    context.shutdown(wait=True)
    return {"ms": took}


def open_(to):
    context = start(to)
    held.append(context)
    return {"pid": context.call(os.getpid)}


def close():
    while held:
        held.pop().shutdown(wait=True)


def calls(n):
    return sequential(lambda: held[-1].call(os.getpid), n)


def pipelined(n, window):
    waiting = deque()
    begin = clock()
    for _ in range(n):
        if len(waiting) == window:
            waiting.popleft().get().unpickle()
        waiting.append(held[-1].call_async(os.getpid))
    for receiver in waiting:
        receiver.get().unpickle()
    return {"perSecond": n * 1e3 / ms_since(begin)}


def bulk(bytes, n):
    held[-1].call(farside.size, mitogen.core.Blob(b"x"))
    data = mitogen.core.Blob(os.urandom(bytes))
    begin = clock()
    for receiver in [held[-1].call_async(farside.size, data) for _ in range(n)]:
        assert receiver.get().unpickle() == bytes
    return {"ms": ms_since(begin)}


def fan(to, n):
    with ThreadPoolExecutor(n) as pool:
        list(pool.map(abs, range(n)))
        begin = clock()
        if to["kind"] == "path":
            via = through(to)
            contexts = list(pool.map(lambda i: behind(to, via, i), range(1, n + 1)))
        else:
            contexts = list(pool.map(lambda host: start(to, host), hosts(n)))
        for receiver in [c.call_async(os.getpid) for c in contexts]:
            assert receiver.get().unpickle() > 0
        took = ms_since(begin)
        list(pool.map(lambda c: c.shutdown(wait=True), contexts))
        if to["kind"] == "path":
            via.shutdown(wait=True)
    return {"ms": took}


def runs(module):
    """The function travels by its module's name, so this side has to have it first."""
    return __import__(module, fromlist=["run"]).run


def import_(module):
    run = runs(module)
    begin = clock()
    total = held[-1].call(run)
    return {"ms": ms_since(begin), "total": total}


def first(to, module):
    run = runs(module)
    begin = clock()
    context = start(to)
    total = context.call(run)
    took = ms_since(begin)
    context.shutdown(wait=True)
    return {"ms": took, "total": total}


serve("mitogen " + ".".join(map(str, mitogen.__version__)), {
    "connect": connect, "open": open_, "close": close, "calls": calls, "pipelined": pipelined, "bulk": bulk,
    "fan": fan, "first": first, "import": import_})
close()
broker.shutdown()
broker.join()
