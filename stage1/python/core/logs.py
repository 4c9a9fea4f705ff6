# The core, part 6: what user code and its children print becomes log records.

lines = {}  # descriptor: bytes after the last newline
replies = deque()  # frames of replies, which wait for what their calls have printed
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
        message = "(%d characters dropped)\n" % dropped + message
        dropped = 0
    message and send(FORWARD_LOG, dumps([level, name, message, when or now]).encode("utf-8", "replace"))


def drain(_=0, last=0):
    """Queue what was printed so far: whole lines, and a rest that is long or the last.

    After it, queue the replies that wait. In any thread.
    """
    with drain_lock:
        # All that the calls of these replies have printed is in the pipes by now.
        ready = list(replies)
        for fd in streams if last else dict(poll(printed)):
            before = lines[fd]
            data = before + (read(fd) or b"")
            cut = len(data) if last or len(data) > MAX_FRAME else data.rfind(b"\n") + 1
            lines[fd] = data[cut:]
            if before or data[cut:]:
                # In case of a crash: the guard reads the other end.
                read(kept)
                os.write(keep, b"".join(lines.values())[-4000:])
            if cut or last:  # an empty record says what was dropped
                name = "stderr" if fd == streams[1] else "stdout"
                log(20, name, data[:cut].decode("utf-8", "replace"))
        out.extend([replies.popleft() for _ in ready])


def settle():
    """Write to the pipes what user code has printed. Only for the main thread."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass
    # Otherwise user code forked, and this process is not the one that answers.
    os.getpid() == pid or os._exit(0)
