# The core, part 8: the boot. It reads the BOOT frame, forks the guard, writes the marker, and then
# runs calls until the master closes CALL_FUNCTION. docs/protocol.md, "Bootstrap".

# Replaces functions of the core by name. The second tier changes the core in no other way.
install = globals().update


def poller(*fds):
    poll = select.poll()
    for fd in fds:
        poll.register(fd, 4 if fd == cout else 1)
    return poll


def pipe():
    """Make a pipe that no child inherits. It does not block, because two threads read it."""
    ends = os.pipe()
    for fd in ends:
        fcntl.fcntl(fd, 2, 1)  # F_SETFD
        fcntl.fcntl(fd, 4, os.O_NONBLOCK)  # F_SETFL
    return ends


def pipe_to(fd):
    """Point `fd` at a pipe where writing blocks. Returns the end to read."""
    r, w = pipe()
    fcntl.fcntl(w, 4, 0)
    os.dup2(w, fd)  # `w` stays open too: user code may close `fd`
    lines[r] = b""
    readers[r] = drain
    return r


# Descriptors 0, 1 and 2 are open from now on, even if they were closed at the start.
null = 0
while null < 3:
    null = os.open("/dev/null", 2)  # O_RDWR

# The switch starts children with the cores that came here.
core = b
# Only the BOOT frame is read before the loop.
b = b""
n = 24
exec(r)
me, _, _, _, ready, n = HEAD.unpack(b)
n += 24
exec(r)
_, nonce, name, argv0, lowest, lease, rate = loads(b[24:])
try:
    # `ps` shows argv0: on Linux, a process can write the memory that holds its arguments. Nothing
    # else changes (sys.executable, virtualenvs).
    start, stop = map(int, open("/proc/self/stat", "rb").read().rpartition(b")")[2].split()[45:47])
    with open("/proc/self/mem", "r+b", 0) as memory:
        memory.seek(start)
        memory.write(argv0.encode("utf-8")[: stop - start - 1].ljust(stop - start, b"\0"))
except Exception:
    pass
marker = ("econtext/1 %s\n" % nonce).encode("utf-8")
cin = os.dup(0)
cout = os.dup(1)
cerr = os.dup(2)
kept, keep = pipe()
streams = pipe_to(1), pipe_to(2)
child = os.fork()
if child:
    exec(guard)
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
if PY3:
    sys.stdout = open(1, "w", 1, "utf-8", "replace", None, 0)
    sys.stderr = open(2, "w", 1, "utf-8", "replace", None, 0)
else:
    sys.stdout = os.fdopen(1, "w", 1)
    sys.stderr = os.fdopen(2, "w", 0)

handles = count(1000)  # of answers
main_thread = thread.get_ident()
lease = lease or 1e18
heard = time()
signal.signal(2, on_interrupt)

sys.argv = [argv0]
__path__ = []
sys.modules["econtext"] = sys.modules["__main__"]
sys.modules["__main__"] = type(sys)("__main__")
meta_path.insert(0, Finder())
PY3 and meta_path.append(Finder())

os.write(cout, marker)
pid = os.getpid()
# Without `encode`: for a path that is not text, that would fetch a module, and the stream is not
# read yet.
send(
    ready,
    dumps(
        [
            "python",
            version.split()[0],
            pid,
            executable if PY3 else executable.decode("utf-8", "replace"),
        ]
    ).encode("utf-8", "replace")
)
thread.start_new_thread(io_thread, ())
Options or tier("json_codec").install()
if executable.rpartition("/bin/")[0] != prefix:
    # Probably a virtualenv. `site`, which -S has left out, makes it one.
    import site

    PY3 and site.main()
held = False
while 1:
    # With 8 MiB waiting, no further call is started.
    if not calls or out and queued >> 23:
        if held:
            turns += 1
            pump()
        else:
            # The I/O thread may have the role; what it read meanwhile is in `calls`.
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
        send(call[1], tier("failures").body(*exc_info()), ERROR)

# The master has closed CALL_FUNCTION: send what is left, for two seconds at most.
settle()
drain(0, 1)
stop = time() + 2
while (out or rest) and time() < stop:
    flush()
    # `writeable` belongs to the thread that has the lock.
    poll(poller(cout), 20)
os._exit(0)
