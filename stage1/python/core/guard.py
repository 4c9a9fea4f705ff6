# The core, part 6: the end. What happens when the stream is over, and the guard: the parent process
# that ends everything, whatever state the slave is in.

def end():
    """End this context, because the stream is over.

    User code has half a second to notice. Then the process group gets SIGTERM; a guard that lives
    makes sure that it ends.
    """
    global doomed
    if thread.get_ident() != main_thread:
        calls.clear()
        doomed = busy, "disconnected"
        write_lock.acquire(False)  # for good: how the call ends is not sent
        os.killpg(0, 2)
        stop = time() + 0.5
        while busy and time() < stop:
            clock()
            asleep.poll(20)
    else:
        signal.signal(15, signal.SIG_IGN)  # it ends by itself, with status 0
    os.killpg(0, 15)  # SIGTERM, also where no guard is left to send it
    os._exit(0)


def guard(child):
    """Kill the process group of the slave when the stream ends or the slave dies. Does not return.

    The process that was started stays as this guard; the slave is its child. So the group ends even
    if the slave is stopped, or in C code that keeps the interpreter's lock.
    """
    global busy
    # The handler raises out of `poll` only. As waitpid returns, it would lose the status.
    signal.signal(signal.SIGCHLD, on_interrupt)
    for number in 1, 2, 15:
        signal.signal(number, signal.SIG_IGN)
    os.close(cout)
    os.dup2(null, 1)
    os.dup2(null, 2)
    poll = select.poll()
    poll.register(0, 8192 * ("linux" in sys.platform))  # POLLRDHUP
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
