"""The loop of a peer driver in Python: one JSON request a line on stdin, one JSON answer a line on
stdout.

Owns the line protocol (described in ../driver.ts, whose child this is) and what all drivers time
alike. Knows nothing of any peer. Twin: loop.ts.
"""
import json
import os
import sys
import time
import traceback

PYTHON = os.environ["BENCH_PYTHON"]
FIRST_HOST = "bench1"
clock = time.perf_counter


def hosts(n):
    return ["bench%d" % (i + 1) for i in range(n)]


def ms_since(start):
    return (clock() - start) * 1e3


def sequential(call, n):
    """Latency in microseconds of each of n calls, one after the other."""
    out = []
    for _ in range(n):
        start = clock()
        call()
        out.append((clock() - start) * 1e6)
    return {"us": out}


def serve(version, ops):
    """Answers until stdin ends. The real stdout is kept from the peer, which may print."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"version": version})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer({"ok": ops[request.pop("op")](**request) or {}})
        except Exception as e:
            traceback.print_exc()
            answer({"error": "%s: %s" % (type(e).__name__, e)})
