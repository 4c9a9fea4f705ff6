"""The Python core: everything that a context needs from its first message to its end.

The first stage inflates this file and runs it as the main module; it becomes the module `econtext`. One source for Python 2.7 and
3.6 to 3.13. It imports only what is in every interpreter and cheap: no json (its C half only), no threading, no logging, no site.
What only some contexts need is in the other files of this folder, the second tier: they come as modules `econtext.NAME`.

The bytes on the wire: docs/protocol.md. What happens in which order: docs/how-it-works.md. Twin: src/stream.ts, src/router.ts.

Two threads: the main thread runs user code, the I/O thread keeps control while it does. Whoever holds `role` reads the stream: the
main thread when it waits for a call (no thread has to be woken for a call that is short), the I/O thread otherwise.
"""
import fcntl
import os
import select
import struct
import sys
import zlib
from _collections import deque
from time import time

try:
    import _signal as signal
    import _thread as thread
except ImportError:
    import signal
    import thread

# -- Handles -- docs/protocol.md, "Handles"; twin: src/protocol/handles.ts ------------------------
GET_MODULE = 100
CALL_FUNCTION = 101
FORWARD_LOG = 102
LOAD_MODULE = 103
CANCEL = 104
PING = 105
BOOT = 106

# -- Flags of a frame -----------------------------------------------------------------------------
MORE = 1
CONT = 2
DEAD = 4
ERROR = 8
DEFLATE = 16

HEAD = struct.Struct(">6I")
MAX_FRAME = 262144
MAX_QUEUE = 8388608
FOREVER = 1 << 30
PIPE_BUF = 4096  # what a descriptor that polls writeable takes without blocking: POSIX
PY3 = sys.version_info[0] > 2
text = type(u"")
__name__ = "econtext"


# -- Values: JSON by the interpreter's own C code, without the 7 ms that `import json` costs ---------
class Options:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    encoding = "utf-8"

    @staticmethod
    def parse_constant(name):
        raise ValueError(name)


try:
    import _json

    encoder = _json.make_encoder(
        # Python 2.7 has the ASCII one only.
        None, repr, getattr(_json, "encode_basestring", _json.encode_basestring_ascii), None, ":", ",", False, False, False
    )
    encoder(0, 0)
    scanner = _json.make_scanner

    def dumps(value):
        """JSON text of a value of JSON's own types."""
        return "".join(encoder(value, 0))

except Exception:
    from json import dumps
    from json.scanner import py_make_scanner as scanner


def loads(source, hook=None):
    """The value of JSON text; `hook` sees each object."""
    options = Options()
    options.object_hook = hook
    options.memo = {}
    options.parse_string = options.parse_array = options.parse_object = None
    try:
        value, end = scanner(options)(source, 0)
    except StopIteration:
        end = -1
    if end != len(source):
        raise ValueError("not JSON")
    return value


def plain(value, depth=0):
    """Whether JSON says all there is to say about a value; all else is for econtext.values."""
    kind = type(value)
    depth += 1
    if kind is list or kind is tuple:
        return depth < 99 and all([plain(v, depth) for v in value])
    if kind is dict:
        return (
            all([type(k) in (str, text) and plain(k) for k in value])
            and plain(list(value.values()), depth)
            and not (len(value) == 1 and list(value)[0][:1] == "!")
        )
    if kind is int:
        return abs(value) < 1 << 53
    if kind is float:
        return value - value == 0
    if kind is str or kind is text:
        return PY3 or max(value or "a") < "\x7f"
    return value is None or kind is bool


def encode(value):
    """The body of a value: a list of byte strings."""
    try:
        if plain(value):
            return [dumps(value).encode("utf-8")]
    except UnicodeError:
        pass
    return tier("values").encode(value)


def decode(body):
    """The value of a body."""
    if body[:1] != b"\0" and b'"!' not in body:
        return loads(body.decode("utf-8"))
    return tier("values").decode(body)


# -- Output: a queue of frames, written as far as the descriptor takes them ------------------------
out = []  # frames that wait
rest = b""  # of the one that is being written
queued = 0
write_lock = thread.allocate_lock()


def send(handle, chunks, flags=0, reply=0, hold=False):
    """Queue one message for the master, and write what can be written, unless more is to come at once (`hold`)."""
    global queued
    size = sum(map(len, chunks))
    if size > MAX_FRAME:
        body = memoryview(b"".join(chunks))
        chunks = []
        for i in range(0, size, MAX_FRAME):
            part = body[i : i + MAX_FRAME].tobytes()
            more = flags | (CONT if i else 0) | (MORE if i + MAX_FRAME < size else 0)
            chunks += HEAD.pack(0, me, me, handle, reply, more << 24 | len(part)), part
    else:
        chunks = [HEAD.pack(0, me, me, handle, reply, flags << 24 | size)] + chunks
    queued += size
    # A single append: frames of two threads do not mix. Fragments of two messages neither: one append a message.
    out.append(chunks)
    if not hold or len(out) > 64:
        flush()


def flush():
    """Write what the descriptor takes; never blocks."""
    while (out or rest) and write_lock.acquire(False):
        try:
            full = write_some()
        finally:
            write_lock.release()
        if full:
            return kick()


def write_some():
    """Write until nothing waits (False) or the descriptor takes no more (True)."""
    global rest, queued
    while 1:
        if not rest:
            if not out:
                return False
            batch = out[:64]
            del out[:64]
            rest = memoryview(b"".join(sum(batch, [])))
        try:
            if not writeable.poll(0):
                return True
            n = os.write(cout, rest[:PIPE_BUF])
        except (OSError, select.error) as e:
            if e.args[0] in (4, 11, 35):
                return True
            end()
            return False
        rest = rest[n:]
        queued = max(0, queued - n)


# -- Input ----------------------------------------------------------------------------------------
buf = b""
parts = {}  # source: the bodies so far of its unfinished message
calls = deque()  # (time of arrival, reply, flags, body), not started
offers = []  # (flags, body) of LOAD_MODULE that nobody has looked at
handlers = {}  # handle: function(flags, body); called by who reads: it must be quick
role = thread.allocate_lock()
wanted = False  # the main thread wants the role
turns = 0  # of the main thread as reader


def feed(data):
    """Take in bytes, act on each whole message."""
    global buf
    buf += data
    at = 0
    size = len(buf)
    while size - at >= 24:
        dst, src, auth, handle, reply, n = HEAD.unpack_from(buf, at)
        flags = n >> 24
        n = at + 24 + (n & 0xFFFFFF)
        if size < n:
            break
        body = buf[at + 24 : n]
        at = n
        if flags & 3:
            part = parts.setdefault(src, [])
            part.append(body)
            if flags & MORE:
                continue
            body = b"".join(parts.pop(src))
        if dst == me and not auth:
            deliver(handle, reply, flags, body)
    buf = buf[at:]


def deliver(handle, reply, flags, body):
    if handle == CALL_FUNCTION:
        if flags & DEAD:
            body = None
        calls.append((time(), reply, flags, body))
    elif handle == PING:
        send(reply, [body])
    elif handle == LOAD_MODULE:
        offers.append((flags, body))
    elif handle == CANCEL:
        cancel(*loads(body.decode("utf-8")))
    elif handle in handlers:
        handlers[handle](flags, body)
    elif reply:
        send(reply, [b'"no such handle"'], DEAD)


def pump(ms=FOREVER):
    """One turn of the loop, by who holds the role: wait at most `ms`, then serve what is ready."""
    global heard
    if out or rest:
        flush()
    # What waits to be written stops the reading of logs: a slow master slows who prints.
    try:
        ready = (jammed if out or rest else relaxed).poll(min(ms, lease))
    except (OSError, select.error):
        return
    for fd, event in ready:
        if fd == cin:
            try:
                data = os.read(cin, MAX_FRAME)
            except OSError as e:
                if e.args[0] in (4, 11, 35):
                    continue
                data = b""
            if not data:
                return end()
            heard = time()
            feed(data)
        elif fd == wake:
            hush()
        elif fd != cout:
            drain(fd)
    if not ready and lease < FOREVER and time() - heard > lease / 1e3 - 0.1:
        end()


def kick():
    """Get whoever polls out of it."""
    try:
        os.write(alarm, b"k")
    except OSError:
        pass


def hush():
    """Take the kicks back."""
    try:
        os.read(wake, 512)
    except OSError:
        pass


# -- IoLogger: what user code and its children print -----------------------------------------------
lines = {}  # descriptor: [name, what came after the last newline]
budget = 0  # characters that may be logged now: grows by `rate` a second, to four times that
spent = dropped = 0


def log(level, name, message, when=None):
    """Send one log record (for stdout and stderr: some lines), if the master wants its level."""
    global budget, spent, dropped
    if level < lowest:
        return
    now = time()
    if rate:
        budget = min(4 * rate, budget + (now - spent) * rate) - len(message)
        spent = now
        if budget < 0:
            budget += len(message)
            dropped += len(message)
            return
    if dropped:
        message = "(%d characters dropped: too much output)\n%s" % (dropped, message)
        dropped = 0
    send(FORWARD_LOG, [dumps([level, name, message, when or now]).encode("utf-8", "replace")])


def drain(fd, last=False):
    """Forward what can be read from the pipe `fd`: whole lines, and at the end the rest."""
    entry = lines[fd]
    data = entry[1] if last else entry[1] + os.read(fd, 65536)
    cut = len(data) if last or len(data) > 65536 else data.rfind(b"\n") + 1
    entry[1] = data[cut:]
    if cut:
        log(20, entry[0], data[:cut].decode("utf-8", "replace"))


def settle():
    """Forward all that was printed so far, so that it arrives before the reply."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass
    while not rest:
        ready = printed.poll(0)
        if not ready:
            break
        for fd, _ in ready:
            drain(fd)


# -- The I/O thread ---------------------------------------------------------------------------------
busy = 0  # the reply-to (or -1) of the call that runs
watch = False


def io_thread():
    """Takes the role when the main thread has not read for a tick; sleeps when nothing is called."""
    global watch, quiet
    seen = -1
    while 1:
        try:
            if asleep.poll(5 if watch else None):
                hush()
                seen = turns
        except (OSError, select.error):
            continue
        if not busy:
            if seen == turns:
                watch = False
                watch = bool(busy)
        elif seen == turns and role.acquire(False):
            while busy and not wanted:
                left = limit - time() if limit else FOREVER
                if left > 0:
                    pump(left * 1e3 + 1)
                elif doomed:
                    # It did not end at once (os.system ignores SIGINT while it waits): end its commands, and ask again.
                    quiet = time() + 1
                    os.killpg(0, signal.SIGTERM)
                    interrupt()
                else:
                    cancel(busy, "deadline")
            role.release()
        seen = turns


# -- Calls ------------------------------------------------------------------------------------------
doomed = None  # why the call that runs shall end
limit = 0  # when its deadline passes, or it is interrupted again
quiet = 0  # until then, SIGTERM was our own


class Cancelled(KeyboardInterrupt):
    """Raised in user code when its call is cancelled or its deadline has passed."""


class DeadlineExceeded(Cancelled):
    """Raised in user code when the call's deadline has passed."""


def cancel(handle, why):
    """End the call that replies to `handle`: interrupt it if it runs, answer for it if it has not started."""
    global doomed
    if busy == handle and not doomed:
        doomed = why
        interrupt()
    for call in list(calls):
        if call[1] == handle:
            calls.remove(call)
            fail(handle, Cancelled(why), "")


def interrupt():
    # A signal, so that a blocking system call of the main thread returns too. Again in a while.
    global limit
    limit = time() + 0.2
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread, signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)


def on_signal(number, frame):
    if number == signal.SIGINT:
        if doomed and busy:
            raise (DeadlineExceeded if doomed == "deadline" else Cancelled)(doomed)
        if busy:
            raise KeyboardInterrupt
    elif time() > quiet:
        end()


def fail(reply, error, trace):
    kind = type(error)
    name = getattr(kind, "__qualname__", kind.__name__)
    if kind.__module__ not in ("builtins", "exceptions"):
        name = kind.__module__ + "." + name
    try:
        message = text(error)
    except Exception:
        message = repr(error)
    body = dumps([name, message, trace]).encode("utf-8", "replace")
    send(reply, [body], ERROR)


def find(name):
    """The function that `name` means: `module.function`, `module:Class.method`, or a builtin's name."""
    module, colon, path = name.partition(":")
    names = (path or module).split(".")
    if colon:
        __import__(module)
        found = sys.modules[module]
    elif len(names) == 1:
        found = sys.modules["builtins" if PY3 else "__builtin__"]
    else:
        module = names.pop(0)
        found = __import__(module)
    for part in names:
        if not colon and not hasattr(found, part) and found is sys.modules.get(module):
            module += "." + part
            __import__(module)
            found = sys.modules[module]
        else:
            found = getattr(found, part)
            if not colon:
                module += "." + part
    return found


def run(arrived, reply, flags, body):
    """One call: decode, find, run, reply. User code may raise anything, also while we clean up after it."""
    global busy, doomed, limit, watch
    busy = reply or -1
    if not watch:
        watch = True
        kick()
    answer = None
    try:
        try:
            call = decode(body)
            arguments = call[1]
            options = call[3] if len(call) > 3 else {}
            if "deadline" in options:
                limit = arrived + options["deadline"] / 1e3
            function = find(call[0])
            if "context" in options:
                arguments = [tier("external").context] + arguments
            if len(call) > 2:
                answer = encode(function(*arguments, **call[2]))
            else:
                answer = encode(function(*arguments))
            if doomed:
                raise Cancelled(doomed)
        finally:
            limit = 0
    except BaseException:
        kind, error, trace = sys.exc_info()
        busy = 0
        doomed = None
        while trace and trace.tb_frame.f_globals is globals():
            trace = trace.tb_next
        import traceback

        shown = "".join(traceback.format_exception(kind, error, trace))
        settle()
        return fail(reply, error, shown)
    settle()
    busy = 0
    doomed = None
    if reply:
        send(reply, answer, 0, 0, calls)


def ask(handle, value):
    """Send a value to one of the master's handles; wait for the answer, in whatever thread. (flags, body)"""
    global next_handle
    answer = []
    lock = thread.allocate_lock()
    lock.acquire()
    next_handle += 1
    here = next_handle

    def receive(flags, body):
        answer.append((flags, body))
        lock.release()

    handlers[here] = receive
    send(handle, encode(value), 0, here)
    kick()
    try:
        lock.acquire()
    finally:
        del handlers[here]
    return answer[0]


# -- Modules: the second tier, and the way to the importer, which is part of it ------------------------
modules = {}  # name: the master's record of it, [name, path, is_package, children, source] or [name]


def absorb(flags, body):
    for record in loads((zlib.decompress(body) if flags & DEFLATE else body).decode("utf-8")):
        modules[record[0]] = record


def fetch(name):
    """The master's record of a module: one that was offered, or else asked for."""
    while offers:
        absorb(*offers.pop(0))
    if name not in modules:
        absorb(*ask(GET_MODULE, name))
    return modules[name]


def tier(name):
    """The module econtext.`name` of the second tier."""
    name = "econtext." + name
    if name not in sys.modules:
        module = type(sys)(name)
        exec(compile(fetch(name)[4], name, "exec", 0, True), module.__dict__)
        sys.modules.setdefault(name, module)
    return sys.modules[name]


class Finder(object):
    """Stands for the importer until there is something to do: an import of logging (first in sys.meta_path), or one that nobody else
    can serve (last). Python 2 has built-in finders behind all of sys.meta_path: there, the first import."""

    loading = False

    def find_spec(self, *request):
        if not Finder.loading and (not PY3 or request[0] == "logging" or self is sys.meta_path[-1]):
            Finder.loading = True
            return tier("importer").install().find(*request)

    find_module = find_spec


# -- The end -----------------------------------------------------------------------------------------
def end():
    """The stream is over. User code gets half a second to notice; then all that is in our session dies, we last."""
    global doomed
    if thread.get_ident() != main_thread:
        doomed = "disconnected"
        interrupt()
        for _ in range(25):
            if busy:
                select.select([], [], [], 0.02)
    finish()


def finish():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    try:
        for _ in range(15):
            if not os.waitpid(-1, os.WNOHANG)[0]:
                select.select([], [], [], 0.02)
    except OSError:
        pass  # no children
    os.killpg(0, signal.SIGKILL)


def guard(child):
    """The process that was started stays as the parent of the slave: when the stream ends or the slave dies, whatever state the
    slave is in (stopped, or in C code that keeps the interpreter's lock), its process group is killed."""

    def wake_up(*_):
        raise OSError

    signal.signal(signal.SIGCHLD, wake_up)
    for number in signal.SIGINT, signal.SIGHUP, signal.SIGTERM:
        signal.signal(number, signal.SIG_IGN)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    poll = select.poll()
    poll.register(0, 8192 * ("linux" in sys.platform))  # POLLRDHUP
    left = -1
    status = 0
    while left:
        try:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            left -= left > 0
            if poll.poll(250) and left < 0:
                poll.unregister(0)
                left = 4
        except (OSError, select.error):
            pass
    try:
        os.killpg(child, signal.SIGKILL)
    except OSError:
        pass
    os._exit(status >> 8)


# -- Boot --------------------------------------------------------------------------------------------
def rename(name):
    """Make `ps` show `name`: our arguments lie in memory that Linux lets us write. Nothing else changes (sys.executable, virtualenvs)."""
    try:
        with open("/proc/self/stat", "rb") as f:
            start, stop = map(int, f.read().rpartition(b")")[2].split()[45:47])
        with open("/proc/self/mem", "r+b", 0) as f:
            f.seek(start)
            f.write(name.encode("utf-8")[: stop - start - 1].ljust(stop - start, b"\0"))
    except (IOError, OSError, ValueError):
        pass


def private(fd):
    """A copy of `fd` that no child inherits."""
    fd = os.dup(fd)
    fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    return fd


def poller(*fds):
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLOUT if fd == cout else select.POLLIN)
    return poll


def pipe_to(fd, name):
    """Point `fd` at a pipe; returns the end to read."""
    r, w = os.pipe()
    os.dup2(w, fd)
    os.close(w)
    lines[r] = [name, b""]
    return r


# Descriptors 0, 1 and 2 are taken, whatever was closed at the start.
null = 0
while null < 3:
    null = os.open("/dev/null", os.O_RDWR)

# The BOOT frame is the one thing that is read before there is a loop.
while len(buf) < 24 or len(buf) < 24 + HEAD.unpack_from(buf)[5]:
    select.select([0], [], [])
    data = os.read(0, 24 + (HEAD.unpack_from(buf)[5] if len(buf) > 23 else 0) - len(buf))
    if not data:
        sys.exit(99)
    buf += data
me, _, _, _, ready, _ = HEAD.unpack_from(buf)
version, nonce, name, argv0, lowest, lease, rate = loads(buf[24:].decode("utf-8"))
buf = b""
rename(argv0)
child = os.fork()
if child:
    guard(child)
os.setsid()
cin = private(0)
cout = private(1)
os.dup2(null, 0)
os.close(null)
wake, alarm = os.pipe()
for fd in wake, alarm:
    # Two threads may poll and read it at once. It is ours, so it may be non-blocking.
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK)
    fcntl.fcntl(fd, fcntl.F_SETFD, 1)
streams = pipe_to(1, "stdout"), pipe_to(2, "stderr")
relaxed = poller(cin, wake, *streams)
jammed = poller(cin, wake, cout)
writeable = poller(cout)
printed = poller(*streams)
asleep = poller(wake)
if PY3:
    sys.stdout = open(1, "w", 1, "utf-8", "replace", None, False)
    sys.stderr = open(2, "w", 1, "utf-8", "replace", None, False)
else:
    sys.stdout = os.fdopen(1, "w", 1)
    sys.stderr = os.fdopen(2, "w", 0)

next_handle = 1000
main_thread = thread.get_ident()
lease = lease or FOREVER
budget = rate * 4
heard = time()
for number in signal.SIGINT, signal.SIGTERM:
    signal.signal(number, on_signal)

sys.dont_write_bytecode = True
sys.path[:] = [p for p in sys.path if p]
sys.argv[:] = [argv0]
__path__ = []
sys.modules["econtext"] = sys.modules["__main__"]
sys.modules["__main__"] = type(sys)("__main__")
sys.meta_path.insert(0, Finder())
if PY3:
    sys.meta_path.append(Finder())
os.write(cout, ("econtext/1 %s\n" % nonce).encode("utf-8"))
about = {
    "kind": "python",
    "version": sys.version.split()[0],
    "pid": os.getpid(),
    "executable": sys.executable,
}
send(ready, [dumps(about).encode("utf-8")])
role.acquire()
held = True
thread.start_new_thread(io_thread, ())
while 1:
    if not calls or queued > MAX_QUEUE:
        if not held:
            wanted = True
            if not role.acquire(False):
                kick()
                role.acquire()
            wanted = False
            held = True
        else:
            turns += 1
            pump()
        continue
    call = calls.popleft()
    if call[3] is None:
        break
    if held:
        role.release()
        held = False
    try:
        run(*call)
    except KeyboardInterrupt as e:
        busy = 0
        fail(call[1], e, "")

# The master has closed CALL_FUNCTION: say what is left to say, for two seconds at most.
settle()
for fd in streams:
    drain(fd, True)
stop = time() + 2
while (out or rest) and time() < stop:
    flush()
    jammed.poll(100)
finish()
