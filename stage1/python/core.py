"""The Python core: everything that a context needs from its first message to its end.

The first stage inflates this file and runs it as the main module; it becomes the module `econtext`.
One source for Python 2.7 and 3.6 to 3.13. It imports only what is in every interpreter and cheap:
no json (its C half only), no threading, no logging, no site. What only some contexts need is in the
other files of this folder, the second tier: they come as modules `econtext.NAME`.

The bytes on the wire: docs/protocol.md. What happens in which order: docs/how-it-works.md. Twins:
src/mux/stream.ts, src/mux/router.ts, stage1/javascript/core.

Two threads: the main thread runs user code, the I/O thread keeps control while it does. The thread
that holds `role` reads the stream: the main thread when it waits for a call (no thread has to be
woken for a call that is short), the I/O thread otherwise.
"""
# The first stage has imported fcntl, os, select, struct, sys (and all names of it) and zlib, and
# left `r` and `v` (stage1/python/first_stage.py). Signals, poll events and commands of fcntl are
# written as the numbers that they have everywhere: that is shorter.
from _collections import deque
from time import time

try:
    import _signal as signal
    import _thread as thread
except ImportError:
    import signal
    import thread

# -- Handles -- docs/protocol.md, "Handles"; twin: src/protocol/handles.ts ------------------------
GET_MODULE, CALL_FUNCTION, FORWARD_LOG, LOAD_MODULE, CANCEL, PING = range(100, 106)

# -- Flags of a frame -----------------------------------------------------------------------------
MORE, CONT, DEAD, ERROR, DEFLATE = 1, 2, 4, 8, 16

HEAD = struct.Struct(">6I")
MAX_FRAME = 262144
MAX_QUEUE = 8388608
PIPE_BUF = 4096  # what a descriptor that polls writeable takes without blocking: POSIX
BUSY = 4, 11, 35  # EINTR, EAGAIN of Linux and of BSD
PY3 = v[0] > 2
text = type(u"")
__name__ = "econtext"
__package__ = ""  # or Python 2 looks for every import beside us first


# -- Values: JSON by the interpreter's own C code, without the 7 ms that `import json` costs
try:
    import _json

    class Options:
        strict = True
        object_hook = object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = None  # NaN is not JSON: calling this fails
        encoding = "utf-8"

    encoder = _json.make_encoder(
        # Python 2.7 has the ASCII one only.
        None, repr, getattr(_json, "encode_basestring", _json.encode_basestring_ascii), None, ":", ",", False, False, False
    )

    # JSON text of a value of JSON's own types.
    dumps = lambda value: "".join(encoder(value, 0))

    scanner = _json.make_scanner(Options)

    # The value of JSON text. Only our own codecs write it: what follows the value is not looked at.
    loads = lambda body: scanner(body.decode("utf-8"), 0)[0]

    loads(b"0")
except Exception:
    # Debian's minimal Pythons have no JSON. These two serve the first messages, which are the
    # master's own and hold no values, until econtext.json_codec replaces both: before the first
    # call.
    Options = None

    dumps = lambda value: repr(value).replace("'", '"')
    loads = lambda body: eval(body.decode("utf-8"), {"null": None, "true": True, "false": False})


def plain(value, depth=0):
    """Whether JSON says all there is to say about a value; all else is for econtext.values."""
    kind = type(value)
    depth += 1
    if kind in (list, tuple):
        return depth < 99 and all([plain(v, depth) for v in value])
    if kind is dict:
        return plain(list(value.values()), depth) and all([type(k) in (str, text) and plain(k) and k[:1] != "!" for k in value])
    if kind is int:
        return abs(value) < 1 << 53
    if kind is float:
        return value - value == 0
    if kind in (str, text):
        return PY3 or [value.encode("ascii")]  # or it raises UnicodeError
    return value is None or kind is bool


def encode(value):
    """The body of a value. What is too large for the master, econtext.values refuses."""
    try:
        if plain(value):
            body = dumps(value).encode("utf-8")
            if len(body) <= 1 << 28:
                return body
    except UnicodeError:
        pass
    return b"".join(tier("values").encode(value))


def decode(body):
    """The value of a body."""
    if body[:1] != b"\0" and b'"!' not in body:
        return loads(body)
    return tier("values").decode(body)


# -- Output: a queue of frames, written as far as the descriptor takes them ------------------------
out = deque()  # frames that wait
rest = b""  # of what is being written
queued = 0  # bytes of both
write_lock = thread.allocate_lock()


def send(handle, body, flags=0, reply=0, hold=False, first=False):
    """Queue one message for the master (`first`: a short one, before all that waits), and write
    what can be written, unless more is to come at once (`hold`).
    """
    global queued
    frames = []
    size = len(body)
    for at in range(0, size or 1, MAX_FRAME):
        part = body[at : at + MAX_FRAME]
        more = flags | CONT * (at > 0) | MORE * (at + MAX_FRAME < size)
        frames.append(HEAD.pack(0, me, me, handle, reply, more << 24 | len(part)) + part)
        queued += 24
    queued += size
    # At once: fragments of two threads' messages do not mix.
    (out.extendleft if first else out.extend)(frames)
    if not hold or len(out) > 64:
        flush()


def flush(nudge=True):
    """Write what the descriptor takes; never blocks. A thread that finds the lock taken
    leaves the work to its owner. `nudge`: the thread that waits for input shall wait for room, too.
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
                if not writeable.poll(0):
                    if nudge:
                        os.write(alarm, b"k")
                    return
                n = os.write(cout, rest[:PIPE_BUF])
                rest = rest[n:]
                queued -= n
        except Exception as e:
            if e.args[0] not in BUSY:
                end()
        finally:
            write_lock.release()


# -- Input ----------------------------------------------------------------------------------------
buf = b""
parts = {}  # source: the bodies so far of its unfinished message
calls = deque()  # (time of arrival, reply, flags, body), not started
offers = []  # (flags, body) of LOAD_MODULE that were not looked at yet
handlers = {}  # handle: function(flags, body); called by the reading thread: it must be quick
readers = {}  # descriptor: function(descriptor), for each descriptor that `pump` waits for
role = thread.allocate_lock()
wanted = False  # the main thread wants the role
turns = 0  # of the main thread as reader


def feed(data):
    """Take in bytes, act on each whole message."""
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


# Drops a frame for another context: (destination, frame). A slave that starts contexts installs a
# function that knows their routes.
forward = lambda *_: None


def deliver(handle, reply, flags, body):
    receive = handlers.get(handle)
    if handle == CALL_FUNCTION:
        calls.append((time(), reply, flags, body))
    elif handle == PING:
        send(reply, body, first=True)
    elif handle == LOAD_MODULE:
        offers.append((flags, body))
    elif handle == CANCEL:
        cancel(*loads(body))
    elif receive:
        receive(flags, body)
    elif reply:
        send(reply, b'"no handle"', DEAD)


def pump(ms=1e9):
    """One turn of the loop, by who holds the role: wait at most `ms`, then serve what is ready."""
    flush(False)
    # What waits to be written stops the reading of logs: a slow master slows who prints.
    try:
        ready = (jammed if out or rest else relaxed).poll(min(ms, lease))
    except (OSError, select.error):
        return
    for fd, _ in ready:
        readers[fd](fd)
    if time() - heard > lease / 1e3:
        end()


def listen(fd):
    """Read from the stream; its end is the end of this context."""
    global heard
    data = read(fd)
    if data == b"":
        end()
    heard = time()
    feed(data or b"")


def read(fd):
    """What can be read now: None for nothing, b"" at the end."""
    try:
        return os.read(fd, MAX_FRAME)
    except OSError as e:
        return None if e.args[0] in BUSY else b""


# -- IoLogger: what user code and its children print -----------------------------------------------
lines = {}  # descriptor: [name, what came after the last newline]
drain_lock = thread.allocate_lock()
# The second up to which the `rate` is used; never longer ago than four, so much may come at once.
spent = 0
dropped = 0  # characters


def log(level, name, message, when=None):
    """Send one log record (for stdout and stderr: some lines), if the master wants its level."""
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
    """Forward what can be read from the pipe `fd`: whole lines, and the rest when it is long or the
    last.
    """
    with drain_lock:
        name, before = lines[fd]
        data = before + (read(fd) or b"")
        cut = len(data) if last or len(data) > MAX_FRAME else data.rfind(b"\n") + 1
        lines[fd] = name, data[cut:]
        if before or data[cut:]:
            # In case that we crash: the guard has the other end.
            read(kept)
            os.write(keep, b"".join([v[1] for v in lines.values()])[-4000:])
        if cut:
            log(20, name, data[:cut].decode("utf-8", "replace"))


def settle():
    """Forward all that was printed so far, so that it arrives before the reply. For the main
    thread: a poll object serves one.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass
    if os.getpid() != pid:
        os._exit(0)  # user code forked, and this is not the one that answers
    for fd, _ in printed.poll(0):
        drain(fd)
    with drain_lock:
        pass  # who has read before us has sent


# -- The I/O thread --------------------------------------------------------------------------------
busy = 0  # the reply-to (or 2) of the call that runs; 1: it is over, and about to be replied to
# Called before each wait while a call runs: its time, as the argument of `pump`.
# econtext.interruption has another.
clock = tuple
watch = False  # the I/O thread looks at the main thread every 5 ms
asking = []  # one entry for each thread that waits for an answer


def io_thread():
    """Takes the role when the main thread has not read for a tick, or is in need of it; sleeps when
    nothing is called.
    """
    global watch
    seen = -1
    while 1:
        try:
            asleep.poll(5 if watch else None)
        except (OSError, select.error):
            continue
        read(nap)
        if not busy and not asking:
            if seen == turns:
                # The main thread sets `busy`, then looks at `watch`: one of us two sees the other.
                watch = False
                if busy:
                    watch = True
        elif (asking or seen == turns) and role.acquire(False):
            while (busy or asking) and not wanted:
                pump(*clock())
            role.release()
        seen = turns


# -- Calls -----------------------------------------------------------------------------------------
doomed = None, ""  # the reply-to of a call that has begun and shall end, and why


def cancel(handle, why):
    """End the call that replies to `handle`: answer for it if it has not begun. One that runs is
    interrupted by `clock`.
    """
    global doomed
    try:
        calls.remove(*[call for call in list(calls) if call[1] == handle])
        send(handle, b'["econtext.Cancelled","",""]', ERROR)
    except (TypeError, ValueError):
        # It is not in the queue, or was taken from there just now. While one is being ended, no
        # other runs.
        if doomed[0] != busy:
            doomed = handle, why


def on_interrupt(*_):
    if busy > 1:
        raise KeyboardInterrupt


def find(name):
    """The function that `name` means: `module.function`, `module:Class.method`, or a builtin."""
    module, colon, path = name.partition(":")
    names = (path or module).split(".")
    if not colon:
        module = names.pop(0) if len(names) > 1 else text.__module__
    # A module of the second tier needs no importer, which would take 2 ms to load.
    own, _, child = module.rpartition(".")
    if own == "econtext" and fetch(module)[4:]:
        tier(str(child))
    else:
        __import__(module)
    found = sys.modules[module]
    for part in names:
        module += "." + part
        if not hasattr(found, part):
            __import__(module)
        found = getattr(found, part)
    return found


def work(name, arguments, named, options):
    """Find a function and call it: the body of its result."""
    PY3 or sys.exc_clear()  # of the core's own start
    return encode(find(name)(*arguments, **named))


def run(arrived, reply, flags, body):
    """One call: decode, find, run, reply. User code may raise anything, and so may a late
    interrupt.
    """
    global busy, watch
    busy = reply or 2
    if not watch:
        watch = True
        os.write(bell, b"k")
    try:
        request = (decode(body) + [{}, {}])[:4]
        answer = tier("interruption").run(arrived, *request) if request[3] else work(*request)
        busy = 1
        flags = 0
    except:  # Python 2 has exceptions that are no BaseException
        busy = 1
        answer = tier("failures").body(*sys.exc_info())
        flags = ERROR
    settle()
    busy = 0
    if reply:
        send(reply, answer, flags, 0, calls)


def ask(handle, value):
    """Send a value to one of the master's handles; wait for the answer, in whatever thread. (flags,
    body)
    """
    global next_handle
    if os.getpid() != pid:
        raise ImportError("in a fork")  # no thread reads for it
    answer = []
    lock = thread.allocate_lock()
    lock.acquire()
    next_handle += 1
    here = next_handle
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


# -- Modules: the second tier, and the way to the importer, which is part of it --------------------
modules = {}  # name: the master's record of it, [name, path, is_package, children, source] or [name]


def absorb(flags, body):
    for record in loads(zlib.decompress(body) if flags & DEFLATE else body):
        modules[record[0]] = record


def fetch(name):
    """The master's record of a module: one that was offered, or else asked for."""
    while offers:
        absorb(*offers.pop(0))
    if name not in modules:
        absorb(*ask(GET_MODULE, name))
    return modules[name]


def tier(name):
    """The module econtext.`name` of the second tier. An import binds it here too: its name must be
    none that the core uses.
    """
    name = "econtext." + name
    if name not in sys.modules:
        module = type(sys)(name)
        module.__package__ = ""
        exec(compile(fetch(name)[4], name, "exec", 0, True), module.__dict__)
        sys.modules.setdefault(name, module)
    return sys.modules[name]


class Finder(object):
    """Stands for the importer until there is something to do: an import of logging (first in
    sys.meta_path), or one that no other finder can serve (last). Python 2 has built-in finders
    after all of sys.meta_path: there, the first import.
    """

    loading = False

    def find_spec(self, *request):
        if not Finder.loading and (not PY3 or request[0] == "logging" or self is sys.meta_path[-1]):
            Finder.loading = True
            return tier("importer").install().find(*request)

    find_module = find_spec


# -- The end ---------------------------------------------------------------------------------------
def end():
    """The stream is over. User code gets half a second to notice. Then our process group is told to
    end: the guard sees to that, if it lives.
    """
    global doomed
    if thread.get_ident() != main_thread:
        calls.clear()
        doomed = busy, "disconnected"
        write_lock.acquire(False)  # for good: the end of the call is not sent
        os.killpg(0, 2)
        stop = time() + 0.5
        while busy and time() < stop:
            clock()
            asleep.poll(20)
        os.killpg(0, 15)  # SIGTERM
    os._exit(0)


def guard(child):
    """The process that was started stays as the parent of the slave: when the stream ends or the
    slave dies, whatever state the slave is in (stopped, or in C code that keeps the interpreter's
    lock), its process group is killed.
    """
    global busy
    # It raises out of `poll` only: as waitpid returns, it would lose the status.
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
                ended = poll.poll(250)
                busy = 0
                if ended and left < 0:
                    poll.unregister(0)
                    left = 3
        except:  # woken
            busy = 0
    try:
        # What is told to end has a moment to do so.
        for number in ([15] + [0] * 13) * bool(pid) + [9]:
            os.killpg(child, number)
            select.select([], [], [], 0.02)
    except OSError:
        pass  # all gone
    said = b"".join([read(fd) or b"" for fd in [kept] + list(lines)])
    # Its last words, behind the marker.
    said and os.write(cerr, marker + said)
    os._exit(status and (status >> 8 or status % 128 + 128))


# -- Boot ------------------------------------------------------------------------------------------
# Replaces functions of the core, by name: the one way in which the second tier changes it.
install = globals().update


def poller(*fds):
    poll = select.poll()
    for fd in fds:
        poll.register(fd, 4 if fd == cout else 1)
    return poll


def pipe():
    """A pipe that no child inherits, and that does not block: two threads read it."""
    ends = os.pipe()
    for fd in ends:
        fcntl.fcntl(fd, 2, 1)  # F_SETFD
        fcntl.fcntl(fd, 4, os.O_NONBLOCK)  # F_SETFL
    return ends


def pipe_to(fd, name):
    """Point `fd` at a pipe, where writing blocks; returns the end to read."""
    r, w = pipe()
    fcntl.fcntl(w, 4, 0)
    os.dup2(w, fd)  # that stays open, too: user code may close the other
    lines[r] = name, b""
    readers[r] = drain
    return r


# What keeps the current folder out of the interpreter's own start is not for user code
# (stage1/sh/run_python.sh).
safe = os.environ.pop("PYTHONSAFEPATH", "")[1:]
if safe:
    os.environ["PYTHONSAFEPATH"] = safe

# Descriptors 0, 1 and 2 are taken, whatever was closed at the start.
null = 0
while null < 3:
    null = os.open("/dev/null", os.O_RDWR)

# The BOOT frame is the one thing that is read before there is a loop.
b = b""
n = 24
exec(r)
me, _, _, _, ready, n = HEAD.unpack(b)
n += 24
exec(r)
version, nonce, name, argv0, lowest, lease, rate = loads(b[24:])
try:
    # Make `ps` show it: our arguments lie in memory that Linux lets us write. Nothing else changes
    # (sys.executable, virtualenvs).
    start, stop = map(int, open("/proc/self/stat", "rb").read().rpartition(b")")[2].split()[45:47])
    memory = open("/proc/self/mem", "r+b", 0)
    memory.seek(start)
    memory.write(argv0.encode("utf-8")[: stop - start - 1].ljust(stop - start, b"\0"))
    memory.close()
except Exception:
    pass
marker = ("econtext/1 %s\n" % nonce).encode("utf-8")
cin = os.dup(0)
cout = os.dup(1)
cerr = os.dup(2)
kept, keep = pipe()
streams = pipe_to(1, "stdout"), pipe_to(2, "stderr")
child = os.fork()
if child:
    guard(child)
os.setsid()
os.dup2(null, 0)
os.close(null)
wake, alarm = pipe()
nap, bell = pipe()
for fd in cin, cout, cerr:
    fcntl.fcntl(fd, 2, 1)
relaxed = poller(cin, wake, *streams)
jammed = poller(cin, wake, cout)
writeable = poller(cout)
printed = poller(*streams)
readers.update({cin: listen, wake: read, cout: int})
asleep = poller(nap)
if PY3:
    sys.stdout = open(1, "w", 1, "utf-8", "replace", None, False)
    sys.stderr = open(2, "w", 1, "utf-8", "replace", None, False)
else:
    sys.stdout = os.fdopen(1, "w", 1)
    sys.stderr = os.fdopen(2, "w", 0)

next_handle = 1000
main_thread = thread.get_ident()
lease = lease or 1e18
heard = time()
signal.signal(2, on_interrupt)

sys.argv = [argv0]
__path__ = []
sys.modules["econtext"] = sys.modules["__main__"]
sys.modules["__main__"] = type(sys)("__main__")
sys.meta_path.insert(0, Finder())
if PY3:
    sys.meta_path.append(Finder())

os.write(cout, marker)
pid = os.getpid()
# Not by `encode`: for a path that is no text it would fetch a module, and no thread reads
# yet.
path = sys.executable if PY3 else sys.executable.decode("utf-8", "replace")
send(ready, dumps(["python", sys.version.split()[0], pid, path]).encode("utf-8", "replace"))
thread.start_new_thread(io_thread, ())
Options or tier("json_codec").install()
if sys.executable.rpartition("/bin/")[0] != sys.prefix:
    # A virtualenv, most likely: `site`, which was left out, makes it one.
    import site

    PY3 and site.main()
held = False
while 1:
    if not calls or out and queued > MAX_QUEUE:
        if held:
            turns += 1
            pump()
        else:
            # The role may be with the I/O thread, and what it has read meanwhile in `calls`.
            wanted = held = True
            if not role.acquire(False):
                os.write(alarm, b"k")
                role.acquire()
            wanted = False
        continue
    call = calls.popleft()
    if call[2] & DEAD:
        break
    if held:
        role.release()
        held = False
    try:
        run(*call)
    except KeyboardInterrupt:
        busy = 0
        send(call[1], tier("failures").body(*sys.exc_info()), ERROR)

# The master has closed CALL_FUNCTION: say what is left to say, for two seconds at most.
settle()
for fd in streams:
    drain(fd, True)
stop = time() + 2
while (out or rest) and time() < stop:
    flush()
    select.select([], [cout], [], 0.1)
os._exit(0)
