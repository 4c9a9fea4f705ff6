# The switch, part 9: operations of the master, routes, and the turns of the loop.
BULK = 65536  # bytes for the master after which no further child is read in a turn
TICK_SECONDS = 1  # how often all children are looked at
RESTLESS_SECONDS = 0.01  # and those that are about to end

children = {}  # by context id
routes = {}  # context id: the child that leads to it
touched = set()  # children that have something to be written
to_read = deque()  # children that have something to be read
restless = set()  # children that are about to end
unreported = set()  # children that were written to, and the master was not told
order = []  # the bodies so far of an operation in several frames
next_tick = 0


# -- Descriptors -----------------------------------------------------------------------------------
def attend(fd, receive, event, *pollers):
    """Have `receive` called when the descriptor is ready, wherever one of the pollers is asked."""
    readers[fd] = receive
    for each in pollers:
        each.register(fd, event)


def disregard(fd, *pollers):
    # It may be among those that are served in this turn.
    readers[fd] = int
    for each in pollers:
        each.unregister(fd)


def shut(fd):
    ends.discard(fd)
    close_all([fd])


# -- Frames ----------------------------------------------------------------------------------------
def emit(frames):
    """Queue whole frames for the master."""
    global queued
    if frames:
        out.append(frames)
        queued += len(frames)


def forward(dst, *frame):
    """Pass on a frame of the master's, given in one or two parts, to the child that it is for."""
    if dst == me | TOP:
        _, _, auth, handle, reply, n = HEAD.unpack_from(frame[0])
        body = b"".join(map(bytes, frame))[24:]
        if n >> 24 & (MORE | CONT):
            order.append(body)
            if n >> 24 & MORE:
                return
            body = b"".join(order)
            del order[:]
        if not auth:
            operate(handle, reply, body)
        return
    child = routes.get(dst & ~TOP)
    if child:
        child.put(frame)


def exec_program(body):
    """Run a further program of the switch, in this namespace."""
    exec(zlib.decompress(body), globals())


def operate(operation, reply, body):
    """Do what the master orders. What cannot be done has no effect but a message."""
    if operation == 106:  # BOOT
        return exec_program(body)
    try:
        OPERATIONS[operation](reply, *value_of(body))
    except Exception as e:
        problem = explain(e.args[0], decoded(e.filename or b"")) if isinstance(e, EnvironmentError) else u"%s: %s" % (type(e).__name__, e)
        if operation in (1, 10, 15):
            Child(0, reply, None, None).say(u"failed", problem)
        else:
            log(40, "econtext", u"switch: operation %d: %s" % (operation, problem))


# -- Values ----------------------------------------------------------------------------------------
def value_of(body):
    """Return a value of JSON and memory. (econtext.values would have to be fetched.)"""
    parts = b""
    if body[:1] == b"\0":
        end = 5 + struct.unpack_from(">I", body, 1)[0]
        parts = body[end:]
        body = body[5:end]

    def revive(value):
        if isinstance(value, list):
            return [revive(item) for item in value]
        if isinstance(value, dict) and list(value) == ["!b"]:
            at, size = value["!b"]
            return memoryview(parts)[at : at + size]
        return value

    return revive(loads(body))


def bytes_of(pieces):
    """Return the bytes of some bytes, or of a list of bytes, keys of what is kept, and places."""
    pieces = pieces if isinstance(pieces, list) else [pieces]
    return b"".join(
        [
            piece.tobytes() if isinstance(piece, memoryview)
            else core[piece[0] : sum(piece)] if isinstance(piece, list)
            else stored[piece]
            for piece in pieces
        ]
    )


# -- Operations ------------------------------------------------------------------------------------
def start_child(reply, ident, argv, preamble, nonce, options={}):
    """START"""
    program = begun_early.pop(ident, None)
    if ident in routes:
        raise ValueError("context %d is there already" % ident)
    preamble = bytes_of(preamble)
    hold = options.get("hold")
    marker = octets(u"econtext/1 %s\n" % nonce)
    new = Child(ident, reply, marker, None if hold is None else octets(hold))
    argv = [octets(word) for word in argv]
    try:
        new.program = program or AnyProgram(argv, options)
    except EnvironmentError as e:
        return new.say(u"failed", explain(e.args[0], decoded(argv[0])))
    made = new.program.ours
    foresee(made[2])
    ends.update(made)
    new.stdin, new.stdout, new.stderr = made[:3]
    new.terminal = tuple(made[3:])
    attend(new.stdout, new.has_output, 1, relaxed)
    for fd in made[2:4]:
        attend(fd, new.hear, 1, relaxed)
    children[ident] = routes[ident] = new
    if hold is not None:
        conceal(new, True)
    new.begin(preamble[new.program.sent :])


def restart_child(reply, old, ident, preamble, nonce):
    """RESTART"""
    child = children[old]
    preamble = bytes_of(preamble)
    del children[old]
    routes.pop(old, None)
    child.ident = ident
    sever_all([old])
    child.report()
    child.events = reply
    child.marker = octets(u"econtext/1 %s\n" % nonce)
    children[ident] = routes[ident] = child
    child.begin(preamble)
    child.scan()


def send_message(_, dst, handle, reply, flags, pieces):
    """FORWARD"""
    body = bytes_of(pieces)
    frames = frames_of(dst, handle, reply, flags, body)
    child = routes.get(dst & ~TOP)
    if dst == me:
        deliver(handle, reply, flags, body)
    elif child:
        if handle in (CANCEL, PING) or len(frames) == 1:
            child.put(frames[0])
        else:
            child.put_message(dst, frames)
    else:
        for frame in frames:
            forward(dst, *frame)


def frames_of(dst, handle, reply, flags, body, source=0):
    """Return the frames of a message of the master's, each a tuple of header and part.

    source: the context that has sent it, if a relay hands it on.
    """
    frames = []
    for at in range(0, len(body) or 1, MAX_FRAME):
        part = body[at : at + MAX_FRAME]
        more = flags | CONT * (at > 0) | MORE * (at + MAX_FRAME < len(body))
        frames.append((HEAD.pack(dst, source, 0, handle, reply, more << 24 | len(part)), part))
    return frames


def unroute(_, ident):
    """UNROUTE"""
    routes.pop(ident, None)
    sever_all([ident])


def of_relay(act):
    """Return an operation on the relay that its first words name, if there is that relay."""

    def operation(_, handle, source, *words):
        take = relays.get((source, handle))
        if take:
            act(take.__self__, *words)

    return operation


def of_child(act):
    """Return an operation on the child that its first word names, if there is that child."""
    return lambda _, ident, *words: ident in children and act(children[ident], *words)


OPERATIONS = {
    1: start_child,
    2: of_child(Child.answer),
    3: of_child(lambda child, name: child.close(name)),
    4: lambda _, ident, child: routes.update({ident: children[child]}),
    5: unroute,
    6: lambda _, key, data: stored.update({key: data.tobytes()}),
    8: send_message,
    9: Relay,
    10: restart_child,
    11: of_relay(Relay.translated),
    12: of_relay(Relay.inject),
    13: of_relay(Relay.take_back),
    14: lambda _, context, handle, flags, body: take_message(context, handle, flags, body.tobytes()),
}


# -- The loop --------------------------------------------------------------------------------------
core_pump = pump


def pump(ms=1e9):
    """As the core's, which it calls: one turn, in the thread with the role."""
    wait = PAUSE_SECONDS if pausing else RESTLESS_SECONDS if restless else LAZY_SECONDS if unreported else TICK_SECONDS if children else 1e9
    core_pump(min(ms, wait * 1e3))
    serve()


def serve():
    """Write what has come for children, read what they say, and look after them."""
    global next_tick, listed
    listed = None
    serve_own()
    write_touched()
    while to_read:
        if queued > BULK:
            flush(False)
            if out or rest:
                break
        child = to_read.popleft()
        child.due = False
        child.read()
    now = monotonic()
    if now >= next_tick:
        next_tick = now + TICK_SECONDS
        restless.update(children.values())
    for child in list(restless):
        child.tend(now)
    for child in list(unreported):
        if now >= child.told + LAZY_SECONDS:
            child.report()
    write_touched()
    flush(False)


def write_touched():
    """Write to the children for which something has come, and to those whose pause is over."""
    while pausing and pausing[0].pause_end <= monotonic():
        child = pausing.popleft()
        if child.pause_end:
            child.pause_end = 0
            touched.add(child)
    while touched:
        child = touched.pop()
        if not (child.blocked or child.pause_end):
            child.write()


# -- Forks of user code ----------------------------------------------------------------------------
def in_fork():
    """Close what a process that user code forks has of children: they shall end with the hop."""
    close_all(ends)


def watched(start):
    """For a Python that has no hook: a function that forks, and what is done in the fork."""

    def then(*arguments):
        answer = start(*arguments)
        if (answer[0] if isinstance(answer, tuple) else answer) == 0:
            in_fork()
        return answer

    return then


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_fork)
else:
    os.fork = watched(os.fork)
    os.forkpty = watched(os.forkpty)


# -- Large frames ----------------------------------------------------------------------------------
def install_vectored_io():
    """Have large frames written and read without copies. As `tier`, but nothing is fetched."""
    global read_into_room
    key = "econtext.vectored_io"
    if key not in sys.modules:
        module = type(sys)(key)
        module.__package__ = ""
        exec(VECTORED_IO, module.__dict__)
        sys.modules.setdefault(key, module)
    sys.modules[key].pass_on = forward
    read_into_room = sys.modules[key].readinto
    sys.modules[key].take = take
    sys.modules[key].take_in = part_with_answers
    sys.modules[key].install()


def expect_large_frames():
    """The first large frame has come. (To compile this earlier would hold up the first child.)"""
    global expect_large_frames
    expect_large_frames = int
    if PY3 and {"fcntl", "os", "select", "stat", "struct", "_io", "_socket"} <= set(sys.modules):
        install_vectored_io()
    else:
        # It may have to wait for the import lock: another import may wait for the master.
        thread.start_new_thread(install_vectored_io, ())


if not PY3:
    # Its imports load the importer of econtext, in a thread that may wait for the master. In Python
    # 2 the first text of a child that is no JSON would load it in this thread, which may not.
    expect_large_frames()
else:
    core_read = read
    if hasattr(sys.modules.get("econtext.vectored_io"), "install"):
        # A command of the user's has loaded it: it has to read the rest of a frame that it began.
        expect_large_frames()
    else:
        read_into_room = sys.modules["_io"].FileIO(cin, "rb", False).readinto
        install(read=read_first)
    # A frame needs the interpreter some times. Code of the user that never waits keeps it so long.
    sys.setswitchinterval(min(sys.getswitchinterval(), 0.0005))
os.write(alarm, b"k")  # the turn of the core's `pump` in which this runs is followed by one of ours
