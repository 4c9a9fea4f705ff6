# The core, part 4: the end of this context, when the stream is over.

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
            poll(poller(), 20)  # one of its own: two threads cannot poll with one at once
    else:
        signal.signal(15, 1)  # it ends by itself, with status 0
    os.killpg(0, 15)  # SIGTERM, also where no guard is left to send it
    os._exit(0)
