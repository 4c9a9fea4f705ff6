"""wire.py PID_A NAME_A PID_B NAME_B: a network link that a test can slow down, disturb and cut.

Makes a TUN device in the network namespace of each process ("self": this one), and carries IP
packets between them. Prints `ready`, then obeys lines of standard input, and says `ok` to each:

    delay MS      each packet comes so much later, in each direction
    loss PERCENT  so many packets are lost
    cut           no packet comes through
    mend          packets come through again

Ends with its standard input; the devices go with it.
"""
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN = 1
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')


def device(pid, name):
    """Open a new TUN device in the network namespace of a process."""
    here = os.open('/proc/self/ns/net', os.O_RDONLY)
    there = os.open('/proc/%s/ns/net' % pid, os.O_RDONLY)
    enter(there)
    try:
        fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
        return fd
    finally:
        enter(here)


class Wire:
    def __init__(self, a, b):
        self.other = {a: b, b: a}
        self.waiting = {a: deque(), b: deque()}
        self.delay = self.loss = 0.0
        self.is_cut = False

    def obey(self, line):
        word, _, value = line.partition(' ')
        if word == 'delay':
            self.delay = float(value) / 1e3
        elif word == 'loss':
            self.loss = float(value) / 100
        else:
            self.is_cut = {'cut': True, 'mend': False}[word]

    def take(self, fd):
        """Read what has come to one end; it becomes due at the other."""
        queue = self.waiting[self.other[fd]]
        for _ in range(256):
            try:
                packet = os.read(fd, 65536)
            except OSError:  # no more, or the device is not up yet
                return
            if not self.is_cut and not (self.loss and random.random() < self.loss):
                queue.append((time.monotonic() + self.delay, packet))

    def give(self):
        """Write what is due. Returns the seconds until more is, or None."""
        now = time.monotonic()
        for fd, queue in self.waiting.items():
            while queue and queue[0][0] <= now:
                try:
                    os.write(fd, queue.popleft()[1])
                except OSError:  # as on any network, a packet may be lost
                    pass
        times = [queue[0][0] for queue in self.waiting.values() if queue]
        return max(0, min(times) - now) if times else None


def main():
    pid_a, name_a, pid_b, name_b = sys.argv[1:]
    ends = [device(pid_a, name_a), device(pid_b, name_b)]
    wire = Wire(*ends)
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    text = b''
    while True:
        readable = select.select(ends + [0], [], [], wire.give())[0]
        for fd in ends:
            if fd in readable:
                wire.take(fd)
        if 0 in readable:
            chunk = os.read(0, 4096)
            if not chunk:
                return
            *lines, text = (text + chunk).split(b'\n')
            for line in lines:
                wire.obey(line.decode())
                os.write(1, b'ok\n')


main()
