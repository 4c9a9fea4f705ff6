# The core, part 3: the stream. Frames to the master wait in a queue and are written as far as the
# descriptor takes them; bytes from the master become messages, and each goes to its handler.
# Twins: src/mux/stream.ts, src/mux/router.ts.

# -- Output ---------------------------------------------------------------------------------------
out = deque()  # frames that wait
rest = b""  # the unwritten part of what is being written
queued = 0  # bytes of `out`, `rest` and `replies`
write_lock = thread.allocate_lock()


def frames(handle, body, flags=0, reply=0):
    """Return the frames of one message for the master, and count them as queued."""
    global queued
    cut = []
    size = len(body)
    at = 0
    while size - at > MAX_FRAME:
        head = HEAD.pack(0, me, me, handle, reply, (flags | MORE) << 24 | MAX_FRAME)
        cut.append(head + body[at : at + MAX_FRAME])
        at += MAX_FRAME
        flags |= CONT
    cut.append(HEAD.pack(0, me, me, handle, reply, flags << 24 | size - at) + body[at:size])
    queued += size + 24 * len(cut)
    return cut


def send(*message):
    """Queue one message for the master, as of `frames`, and write what can be written."""
    # In one step, so that fragments of two threads' messages do not mix.
    out.extend(frames(*message))
    flush()


def flush(nudge=True):
    """Write what the descriptor takes, without blocking.

    A thread that finds the lock taken leaves the work to the thread that has it. nudge: if there is
    no room, wake the thread that waits for input, so that it waits for room too.
    """
    global rest, queued
    while (out or rest) and write_lock.acquire(False):
        try:
            while out or rest:
                if not rest:
                    rest = out.popleft()
                    while out and len(rest) < PIPE_BUF:
                        rest += out.popleft()
                    rest = memoryview(rest)
                if not poll(writeable):
                    nudge and os.write(alarm, b"k")
                    return
                n = os.write(cout, rest[:PIPE_BUF])
                rest = rest[n:]
                queued -= n
        except Exception as e:
            e.args[0] in BUSY or end()
        finally:
            write_lock.release()


# -- Input ----------------------------------------------------------------------------------------
buf = b""
parts = {}  # source: the bodies so far of its unfinished message
calls = deque()  # (time of arrival, reply, flags, body) of calls that have not started
offers = []  # bodies of LOAD_MODULE messages that `fetch` has not read
handlers = {}  # handle: function(flags, body); called by the reading thread: it must be quick
readers = {}  # descriptor: function(descriptor), for each descriptor that `pump` waits for
role = thread.allocate_lock()
wanted = False  # the main thread wants the role
turns = 0  # how often the main thread has read


def feed(data):
    """Take in bytes, and act on each whole message."""
    global buf
    buf += data
    at = 0
    while len(buf) - at >= 24:
        dst, src, auth, handle, reply, n = HEAD.unpack_from(buf, at)
        flags = n >> 24
        n = at + 24 + (n & 0xFFFFFF)
        if len(buf) < n:
            break
        body = buf[at + 24 : n]
        if dst != me:
            forward(dst, buf[at:n])
        elif flags & MORE:
            parts.setdefault(src, []).append(body)
        else:
            if flags & CONT:
                body = b"".join(parts.pop(src) + [body])
            if not auth:
                deliver(handle, reply, flags, body)
        at = n
    buf = buf[at:]


def forward(_, frame):
    """Take a frame for another context. The first one brings the program that forwards the others.

    That program replaces this function: ../switch.
    """
    exec(zlib.decompress(frame[24:]), globals())


def deliver(handle, reply, flags, body):
    """Give a message for this context to its handler. Runs in the thread that reads."""
    receive = handlers.get(handle)
    if handle == CALL_FUNCTION:
        calls.append((heard, reply, flags, body))
    elif handle == PING:
        out.extendleft(frames(reply, body))  # before all that waits
        flush()
    elif handle == LOAD_MODULE:
        offers.append(body)
    elif handle == CANCEL:
        cancel(*loads(body))
    elif receive:
        receive(flags, body)
    elif reply:
        send(reply, b'"no handle"', DEAD)


def pump(ms=1e9):
    """One turn of the loop, in the thread with the role: wait at most `ms`, then serve."""
    replies and drain()
    flush(False)
    # While frames wait to be written, no logs are read: a slow master slows down code that prints.
    # While calls wait, the main thread may add to `replies`, and does not say so.
    for fd, _ in poll(jammed if out or rest else relaxed, min(ms, 20 if calls else lease)):
        readers[fd](fd)
    if time() - heard > lease / 1e3:
        end()


def poll(poller, ms=0):
    """Poll, and again after a signal: of itself, only Python 3 does so."""
    while 1:
        try:
            return poller.poll(ms)
        except select.error:
            pass


def listen(fd):
    """Read from the stream. The end of the stream is the end of this context."""
    global heard
    data = read(fd)
    if data == b"":
        end()
    heard = time()
    feed(data or b"")


def read(fd):
    """Return what can be read now: None for nothing, b"" at the end."""
    try:
        return os.read(fd, MAX_FRAME)
    except OSError as e:
        return None if e.args[0] in BUSY else b""
