# The core, part 5: calls. The main thread runs them, one after the other; the I/O thread keeps the
# stream moving meanwhile. Interrupting a running call: ../tier2/interruption.py.

# -- The I/O thread -------------------------------------------------------------------------------
busy = 0  # the reply-to (or 2) of the running call; 1: it is over, and its reply is next
# Called before each wait while a call runs; its result is the argument of `pump`.
# econtext.interruption installs another.
clock = tuple
# Milliseconds after which the I/O thread looks at the main thread again; 0: it sleeps. Short calls
# make it longer, because each look may hold up a call.
watch = 0
asking = []  # one entry for each thread that waits for an answer


def io_thread():
    """Take the role when the main thread has not read for a tick, or needs an answer.

    Sleeps while no call runs.
    """
    global watch
    seen = -1
    while 1:
        poll(poller(nap), watch or None)
        read(nap)
        if asking or busy and seen == turns:
            if role.acquire(False):
                while (busy or asking) and not wanted:
                    pump(*clock())
                role.release()
                watch = 5
        elif seen == turns:
            # The main thread sets `busy`, then looks at `watch`. So one thread sees the other.
            watch = 0
            if busy:
                watch = 5
        else:
            watch = min(watch * 2, 40)
        seen = turns


# -- Calls ----------------------------------------------------------------------------------------
doomed = None, ""  # the reply-to of a call that runs and must end, and why


def cancel(handle, why):
    """End the call that replies to `handle`.

    A call that has not begun is answered here. `clock` interrupts one that runs.
    """
    global doomed
    try:
        calls.remove(*[call for call in list(calls) if call[1] == handle])
        send(handle, b'["econtext.Cancelled","",""]', ERROR)
    except (TypeError, ValueError):
        # The call is not in the queue, or was taken from it just now. While one call is being
        # ended, no other runs.
        if doomed[0] != busy:
            doomed = handle, why


def on_interrupt(*_):
    """Handler of SIGINT, and of SIGCHLD in the guard."""
    if busy > 1:
        raise KeyboardInterrupt


def find(name):
    """Return a function by name: `module.function`, `module:Class.method`, or a builtin."""
    module, _, path = name.partition(":" if ":" in name else ".")
    if not path:
        module, path = text.__module__, name
    # A module of the second tier needs no importer, which would take 2 ms to load.
    if module[:9] == "econtext." and fetch(module)[4:]:
        tier(str(module[9:]))
    else:
        __import__(module)
    found = sys.modules[module]
    for part in path.split("."):
        module += "." + part
        if not hasattr(found, part):
            __import__(module)
        found = getattr(found, part)
    return found


def work(name, arguments, named={}, *_):
    """Find a function and call it. Returns the body of its result."""
    PY3 or exc_clear()  # what the start of the core has handled
    return encode(find(name)(*arguments, **named))


def run(arrived, reply, flags, body):
    """Run one call, and reply. User code and a late interrupt may raise anything."""
    global busy, watch
    busy = reply or 2
    if not watch:
        watch = 5
        os.write(bell, b"k")
    try:
        request = decode(body)
        answer = tier("interruption").run(arrived, *request) if any(request[3:]) else work(*request)
        busy = 1
        flags = 0
    except:  # in Python 2, an exception may be of any old-style class
        busy = 1
        answer = tier("failures").body(*exc_info())
        flags = ERROR
    settle()
    busy = 0
    if reply:
        replies.extend(frames(reply, answer, flags))
    # A write takes the replies of many short calls: half of those that wait, so that the master has
    # work meanwhile. If a call is long, the I/O thread writes what waits: see `pump`.
    if len(replies) >= len(calls) or queued >> 23:
        drain()
        flush()


def ask(handle, value):
    """Send a value to a handle of the master, and wait in any thread. Returns (flags, body)."""
    if os.getpid() != pid:
        raise ImportError("in a fork")  # no thread reads the stream in a fork
    lock = thread.allocate_lock()
    lock.acquire()
    answer = []
    here = next(handles)  # in one step: two threads may ask at once
    handlers[here] = lambda *message: answer.extend(message) or lock.release()
    send(handle, encode(value), 0, here)
    asking.append(here)
    os.write(bell, b"k")
    try:
        lock.acquire()
    finally:
        asking.remove(here)
        del handlers[here]
    return answer
