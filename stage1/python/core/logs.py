# The core, part 6: what user code and its children print becomes log records.

lines = {}  # descriptor: [name, bytes after the last newline]
drain_lock = thread.allocate_lock()
# The time up to which the `rate` is used. It is at most four seconds ago, so a burst of four
# seconds is possible.
spent = 0
dropped = 0  # characters


def log(level, name, message, when=None):
    """Send one log record (of stdout and stderr: some lines), if the master wants its level."""
    global spent, dropped
    if level < lowest:
        return
    now = time()
    if rate:
        after = len(message) * 1.0 / rate + max(spent, now - 4)
        if after > now:
            dropped += len(message)
            return
        spent = after
    if dropped:
        message = "(%d characters dropped)\n%s" % (dropped, message)
        dropped = 0
    send(FORWARD_LOG, dumps([level, name, message, when or now]).encode("utf-8", "replace"))


def drain(fd, last=False):
    """Forward what the pipe `fd` holds: whole lines, and a rest that is long or the last."""
    with drain_lock:
        name, before = lines[fd]
        data = before + (read(fd) or b"")
        cut = len(data) if last or len(data) > MAX_FRAME else data.rfind(b"\n") + 1
        lines[fd] = name, data[cut:]
        if before or data[cut:]:
            # In case of a crash: the guard reads the other end.
            read(kept)
            os.write(keep, b"".join([v[1] for v in lines.values()])[-4000:])
        if cut:
            log(20, name, data[:cut].decode("utf-8", "replace"))


def settle():
    """Forward all that was printed so far, so that it arrives before the reply.

    Only for the main thread, because a poll object serves one thread.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass
    if os.getpid() != pid:
        os._exit(0)  # user code forked, and this process is not the one that answers
    for fd, _ in printed.poll(0):
        drain(fd)
    with drain_lock:
        pass  # a thread that was reading has sent by now
