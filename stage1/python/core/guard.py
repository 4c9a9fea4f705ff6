# The core, part 7: the guard, the parent process that ends everything, whatever state the slave is
# in. Only the guard compiles this part, so that the slave need not wait for that.

def guard(child):
    """Kill the process group of the slave when the stream ends or the slave dies. Does not return.

    The process that was started stays as this guard; the slave is its child. So the group ends even
    if the slave is stopped, or in C code that keeps the interpreter's lock.
    """
    global busy
    # The handler raises out of `poll` only. As waitpid returns, it would lose the status.
    signal.signal(signal.SIGCHLD, on_interrupt)
    for number in 1, 2, 15:
        signal.signal(number, 1)  # SIG_IGN
    os.close(cout)
    os.dup2(null, 1)
    os.dup2(null, 2)
    poll = select.poll()
    poll.register(0, ("linux" in platform) << 13)  # POLLRDHUP
    left = -1
    pid = status = 0
    while left and not pid:
        try:
            pid, status = os.waitpid(child, 1)
            left -= left > 0
            if not pid:
                busy = 2
                # SIGCHLD ends the wait, and so does the end of the stream: also where SIGCHLD came
                # just before, because the slave's output has ended then, and the master closes.
                ended = poll.poll(left * 250)  # -1: without a limit; then 500, 250 and 0 ms
                busy = 0
                if ended and left < 0:
                    poll.unregister(0)
                    left = 3
        except:  # woken
            busy = 0
    try:
        # After SIGTERM, the processes have a moment to end by themselves.
        for number in ([15] + [0] * 13) * bool(pid) + [9]:
            os.killpg(child, number)
            select.select([], [], [], 0.02)
    except OSError:
        pass  # all gone
    said = b"".join([read(fd) or b"" for fd in [kept] + list(lines)])
    # What the slave printed last follows the marker on stderr.
    said and os.write(cerr, marker + said)
    os._exit(status and (status >> 8 or status % 128 + 128))
