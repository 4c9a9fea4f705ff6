# The switch, part 8: answers to questions. They may be passwords. A frame with one is read into
# memory that can be overwritten, and is overwritten when it was written. Twin: the method `answer`
# in ../../javascript/switch/downstream.js.
#
# The kernel's buffers are out of reach. In Python 2, an answer is not overwritten that comes within
# some milliseconds after the start of the switch.
TOP = 1 << 31  # in a frame's destination: the switch of that context
ANSWER = 2  # the operation WRITE
ANSWER_HEAD = struct.pack(">III", 0, 0, ANSWER)  # source, authority and operation
room = bytearray(MAX_FRAME)  # what was read last
torn = bytearray()  # the beginning of a frame with an answer; the rest has not come


class Secret(bytearray):
    """A frame with an answer."""

    def wipe(self):
        wipe(self)
        conceal(id(self), False)


def wipe(data):
    memoryview(data)[:] = b"\0" * len(data)


def cut(kind, data, start, end):
    """Copy a part, without another copy in between."""
    part = kind(end - start)
    memoryview(part)[:] = memoryview(data)[start:end]
    return part


def take(fd, size):
    """Read from the master. Returns bytes, but for frames with an answer: these are passed on."""
    global buf, torn
    n = read_into_room(memoryview(room)[:size])
    if not n:
        return n if n is None else b""
    if not torn and not 0 < len(buf) < 24 and room.find(ANSWER_HEAD, 0, n) < 0:
        return memoryview(room)[:n].tobytes()
    before = torn or buf
    at = len(before)
    whole = bytearray(at + n)
    memoryview(whole)[:at] = before
    memoryview(whole)[at:] = memoryview(room)[:n]
    wipe(torn)
    wipe(memoryview(room)[:n])
    buf = b""
    torn = bytearray()
    part_with_answers(whole)
    wipe(whole)


def read_first(fd):
    """As the core's `read`. econtext.vectored_io, which comes later, calls `take` by itself."""
    try:
        return take(fd, MAX_FRAME) if fd == cin else core_read(fd)
    except EnvironmentError as e:
        return None if e.args[0] in BUSY else b""


def part_with_answers(whole):
    """Take in what came. The last frame may be incomplete."""
    global torn
    start = at = 0
    secret = False
    while len(whole) - at >= 24:
        dst, source, auth, operation, _, n = HEAD.unpack_from(whole, at)
        end = at + 24 + (n & 0xFFFFFF)
        alone = not source | auth | n >> 24 & (MORE | CONT)
        secret = alone and operation == ANSWER and dst & TOP
        if end > len(whole):
            break
        if secret:
            feed(bytes(whole[start:at]))
            start = end
            pass_answer(dst, cut(Secret, whole, at, end))
        secret = False
        at = end
    else:
        secret = False
    feed(bytes(whole[start : at if secret else len(whole)]))
    if secret:
        torn = cut(bytearray, whole, at, len(whole))


def pass_answer(dst, frame):
    """Give an answer to the program that has asked, or to the hop that has started it."""
    conceal(id(frame), True)
    child = routes.get(dst & ~TOP)
    if dst != me | TOP and child:
        return child.put_answer(frame)
    try:
        if dst == me | TOP:
            end = 29 + struct.unpack_from(">I", frame, 25)[0]
            ident, part = loads(bytes(frame[29:end]))
            at, size = part["!b"]
            if ident in children:
                children[ident].answer(memoryview(frame)[end + at : end + at + size])
    except Exception as e:
        log(40, "econtext", u"switch: an answer: %s" % type(e).__name__)
    finally:
        frame.wipe()
