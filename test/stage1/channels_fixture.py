"""What test/stage1/channels-python.test.ts calls in a slave."""
import os
import signal
import threading
import time

import econtext
from econtext import channels

kept = {}


def open_channel():
    kept["receiver"] = channels.Channel()
    return kept["receiver"].sender


def receive(deadline=None):
    try:
        return kept["receiver"].receiver.receive(deadline)
    except channels.Closed:
        return "closed"
    except channels.Timeout:
        return "timeout"


def receive_all():
    return list(kept["receiver"].receiver)


def close_receiver(error=None):
    kept["receiver"].receiver.close(error)


def window():
    return kept["receiver"].receiver.window


def same_sender(sender):
    return sender is kept["receiver"].sender


def send_all(sender, values):
    """What was sent, and why no more could be."""
    sent = 0
    try:
        for value in values:
            sender.send(value)
            sent += 1
    except Exception as e:
        return [sent, type(e).__name__, str(e)]
    sender.close()
    return [sent, None, None]


def send_many(sender, count, size):
    return send_all(sender, (b"\xff" * size for _ in range(count)))


def close_sender(sender, message=None):
    sender.close(message and ValueError(message))


def twice(sender):
    sender.send(1)
    return sender


def send_always(handle):
    """A thread that sends on and on. If it cannot, it ends this process."""

    def run():
        try:
            while True:
                if econtext.queued < 1 << 20:
                    econtext.send(handle, b"x" * 5000)
                econtext.flush()
        finally:
            os._exit(9)

    threading.Thread(target=run).start()


def local():
    """A channel within the context: from a thread to this one."""
    channel = channels.Channel()

    def produce():
        with channel.sender as sender:
            for i in range(1000):
                sender.send(i)

    thread = threading.Thread(target=produce)
    thread.start()
    total = sum(channel.receiver)
    thread.join()
    return total


def echo(sender):
    """A thread that stays when this has returned."""
    channel = channels.Channel()

    def run():
        with sender:
            for value in channel.receiver:
                sender.send(value)

    threading.Thread(target=run).start()
    return channel.sender


def select():
    ends = [channels.Channel() for _ in range(3)]
    for i, channel in enumerate(ends):
        threading.Thread(target=send_all, args=(channel.sender, [(i, j) for j in range(50)])).start()
    receivers = [channel.receiver for channel in ends]
    seen = [[], [], []]
    for receiver, value in channels.Select(*receivers):
        assert receivers[value[0]] is receiver
        seen[value[0]].append(value[1])
    return seen == [list(range(50))] * 3


def fair():
    one, other = channels.Channel(), channels.Channel()
    for i in range(3):
        one.sender.send("a")
        other.sender.send("b")
    one.sender.close()
    other.sender.close()
    return [value for _, value in channels.Select(one.receiver, other.receiver)]


def yields(count, problem=None):
    try:
        for i in range(count):
            yield i
        if problem:
            raise ValueError(problem)
    finally:
        kept["ended"] = True


def sleeps():
    try:
        while True:
            yield 1
            time.sleep(10)
    finally:
        kept["ended"] = True


def has_ended():
    return kept.pop("ended", False)


def ignore_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def ignores_children():
    return signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN


def core_functions():
    """Whether the core still has its own `feed`."""
    return econtext.feed.__module__ if econtext.PY3 else econtext.feed.__globals__["__name__"]


def route(context):
    """From now on, keep what comes for a context behind this one."""
    kept["frames"] = []
    econtext.install(forward=lambda dst, frame: dst == context and kept["frames"].append(frame))


def routed():
    """The frames that came for it: destination, flags and length of each, and its last byte."""
    frames = kept.pop("frames")
    heads = [econtext.HEAD.unpack(frame[:24]) for frame in frames]
    return [[head[0], head[5] >> 24, len(frame) - 24, ord(frame[-1:])] for head, frame in zip(heads, frames)]


def left():
    """What channels and commands may leave behind."""
    descriptors = len(os.listdir("/proc/self/fd"))
    return [
        len(econtext.handlers),
        len(econtext.asking),
        len(channels.homes),
        len(channels.given),
        len(channels.generators),
        len(os.listdir("/proc/self/task")),
        descriptors,
    ]
