# The switch, part 10: TCP connections. It is a program of its own, which comes before the first
# CONNECT: few hops need it. The master has this hop connect to a server, and speaks with the server
# itself. Frames for the connection's id have bytes for the server; what the server sends goes to a
# handle of the master's.
#
# Twin: stage1/javascript/switch/connection.js.
reached = deque()  # (connection, its two descriptors, the name of an error), from threads


class Connection(Child):
    """A TCP connection, in the place of a child. It has no process."""

    problem = None  # the name of the error, if it could not be made
    over = False  # nothing comes from the server any more

    def __init__(self, ident, events, handle, host, port):
        Child.__init__(self, ident, events, None, None)
        self.handle = handle  # of the master
        if ident in routes:
            raise ValueError("context %d is there already" % ident)
        raise_limit()
        # A name server may take long to answer, and so may the server.
        thread.start_new_thread(reach, (self, octets(host), port))
        children[ident] = routes[ident] = self

    def begin_with(self, fds, problem):
        """Take over the descriptors, one for each way."""
        self.problem = problem
        if self.over or problem:
            close_all(fds)
            return self.close_output()
        self.stdin, self.stdout = fds
        foresee(fds[1])
        ends.update(fds)
        attend(self.stdout, self.has_output, 1, relaxed)
        self.say(u"connected")
        touched.add(self)

    def put(self, frame):
        """Queue the body of a frame of the master's."""
        if self.over or self.leaving:
            return
        self.written += 24
        self.begun.extend([part for part in (frame[0][24:],) + frame[1:] if len(part)])
        touched.add(self)

    def scan(self):
        """Pass on what has come."""
        out.extend(frames(self.handle, self.seen))
        self.seen = b""

    def close(self, name):
        """Close it: at once if a signal is named, else when all that waits is written."""
        if name or self.stdin is None:
            return self.close_output()
        self.leaving = True
        self.kill_at = monotonic() + KILL_SECONDS
        self.hurry(KILL_SECONDS + 1)
        touched.add(self)

    def close_input(self):
        Child.close_input(self)
        self.close_output()

    def close_output(self):
        """It is over, in both ways."""
        if self.over:
            return
        self.over = True
        if self.stdout is not None:
            disregard(self.stdout, relaxed)
            shut(self.stdout)
            self.stdout = None
        Child.close_input(self)
        restless.add(self)

    def tend(self, now):
        if self.kill_at is not None and now >= self.kill_at:
            self.close_output()
        if self.over:
            self.finish()
        elif now > self.hurried:
            restless.discard(self)

    def finish(self):
        self.report()
        if self.problem:
            self.say(u"failed", self.problem)
        else:
            self.say(u"ended", None, None)
        self.forget()


def reach(connection, host, port):
    """Connect, in a thread of its own."""
    fds = ()
    problem = None
    try:
        fds = dial(host, port)
    except Exception as e:
        problem = name_of(e)
    reached.append((connection, fds, problem))
    os.write(alarm, b"k")


def dial(host, port):
    """Return two descriptors of a connection: the last of its addresses says why there is none."""
    import _socket

    for family, kind, protocol, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        socket = _socket.socket(family, kind, protocol)
        try:
            socket.settimeout(None)  # user code may have set another default
            socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
            socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            socket.connect(address)
            fds = [os.dup(socket.fileno()) for _ in (1, 2)]
            for fd in fds:
                fcntl.fcntl(fd, 2, 1)  # F_SETFD
            fcntl.fcntl(fds[0], 4, os.O_NONBLOCK)  # F_SETFL, of both
            return fds
        except EnvironmentError as e:
            problem = e
        finally:
            socket.close()
    raise problem


def name_of(problem):
    """Return the name of an error, as Node.js spells it."""
    import errno

    number = problem.args[0] if problem.args else 0
    if type(problem).__name__ == "gaierror":
        return u"EAI_AGAIN" if number == sys.modules["_socket"].EAI_AGAIN else u"ENOTFOUND"
    return text(errno.errorcode.get(number, problem))


def serve_reached():
    """Take over the connections that are made."""
    while reached:
        connection, fds, problem = reached.popleft()
        connection.begin_with(fds, problem)


OPERATIONS[15] = lambda events, ident, *words: Connection(ident, events, *words)
serve_children = serve


def serve():
    """As the switch's own, and before that take over what was made."""
    serve_reached()
    serve_children()
