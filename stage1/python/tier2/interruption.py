"""econtext.interruption: ends the call that runs, when it is cancelled or its deadline has passed.

Second tier: comes with the first call that has options, with econtext.commands and with
econtext.files. Twin: stage1/javascript/tier2/external.js, and `cancel` in
stage1/javascript/core/worker.js.

The I/O thread sends SIGINT, as ctrl-C does: a blocking system call of the main thread returns, and
the commands in our process group end. The handler raises Cancelled in the main thread, under two
rules:

- Once for each call. While that exception lives, it is on its way out and clean-up is under way:
  nothing is sent and nothing raised. If user code swallows it, the exception dies, and the call is
  interrupted again.
- In user code only, or where a module of ours says in INTERRUPTIBLE that it may be. Everything else
  of ours is done first: no lock stays taken, no handle stays open, no process is started whose id
  is lost. Nor is a function left that takes or releases a lock, such as that of all imports: the
  lock would stay taken, and every other thread that imports would wait for ever.
"""
import fcntl
import os
from _weakref import ref
from time import sleep, time

import econtext
from econtext import signal, thread

# A call that is cancelled must not wait for these. sent along: process_sweep, forks

SOON = 0.02  # seconds until the next try, where the code that ran was ours
AGAIN = 0.2  # and where it was the user's
# Functions that take a lock or release it, and modules whose functions do. That takes microseconds:
# a thread that is found there so often in a row waits for something, and may be interrupted.
OF_LOCKS = "__enter__", "__exit__", "acquire", "release"
MODULES_OF_LOCKS = "_frozen_importlib", "importlib._bootstrap", "logging"
MAX_PASSING = 10

# Functions of the core that run user code.
CORE_INTERRUPTIBLE = "work", "find"

sending = thread.allocate_lock()  # a signal is sent to the call that runs, and to no later one
until = 0  # when the deadline of the call passes
again = 0  # when it is interrupted again
sent = False  # a SIGINT of ours may be under way
served = 0  # the call that may be interrupted
deferred = False  # the main thread was found where it may not be interrupted
passing = 0  # how often in a row it was found where a lock is taken or released
deaf = 0  # the call in which a SIGINT that is not ours is not for us: it runs a command


class Cancelled(KeyboardInterrupt):
    """Raised in user code when its call is cancelled, or its deadline has passed: the argument says
    which.
    """

    __module__ = "econtext"


raised = None  # a weak reference to the exception that was raised in the call
alive = False  # whether that exception lives


def run(arrived, name, arguments, named, options):
    """A call with options, which may be interrupted. Gives the body of its result."""
    if "context" in options:
        arguments.insert(0, econtext.tier("external").context)
    limit = arrived + options["deadline"] / 1e3 if "deadline" in options else 0
    return serve((time(), newest()), limit, econtext.work, name, arguments, named, options)


def serve(began, limit, function, *arguments):
    """Go on with the call that runs by calling a function. From now on it may be interrupted.

    began: when the call began, and the newest process then. limit: when its deadline passes, or 0.
    """
    global until, again, alive, deferred, passing, served
    install()
    handle = served = econtext.busy
    again = passing = 0
    alive = deferred = False
    until = limit
    if econtext.role.locked():
        # The thread that reads the stream already waits, and for longer than `clock` may want.
        os.write(econtext.alarm, b"k")
    try:
        answer = function(*arguments)
    except:  # noqa: E722
        if econtext.doomed[0] != handle:
            raise
    finally:
        close()
    if econtext.doomed[0] == handle:
        econtext.tier("process_sweep").sweep(*began)
        raise Cancelled(econtext.doomed[1])
    return answer


def close():
    """The call is over: no interrupt shall come from now on."""
    global until, sent
    with sending:
        econtext.busy = 1
        until = 0
    if sent:
        sleep(0.001)  # what was sent has come when a system call returns
        sent = False


def clock():
    """Interrupt the call that runs, if it is time. Called by the thread that reads the stream,
    before each wait: gives its length in ms.
    """
    handle = econtext.busy
    if until and time() >= until and econtext.doomed[0] != handle:
        with sending:
            if until and econtext.busy == handle:
                econtext.doomed = handle, "deadline"
    if econtext.doomed[0] == handle > 1:
        with sending:
            if econtext.busy == handle and not alive:
                interrupt()
        return (SOON * 1e3,)
    return (max(0, until - time()) * 1e3 + 1,) if until else ()


def interrupt():
    global again, sent, deferred
    now = time()
    if deferred:
        # Those in our process group have heard it already.
        deferred = False
        sent = True
        os.kill(os.getpid(), signal.SIGINT)
    elif now >= again:
        again = now + AGAIN
        sent = True
        os.killpg(0, signal.SIGINT)


def on_interrupt(number, frame):
    """Handles SIGINT, in the main thread, wherever that is: in `frame`."""
    global deferred
    if is_doomed():
        if is_interruptible(frame) and not is_passing(frame):
            raise make()
        deferred = True
    elif not sent and deaf != econtext.busy:
        econtext.on_interrupt()


def is_doomed():
    """Whether the call that runs is to be interrupted: it was not, or does not care."""
    return econtext.doomed[0] == econtext.busy > 1 and not alive


def check():
    """Interrupt the call if it is time: for loops of ours, where they may be left. What user code
    calls again and again asks when an interrupt is `deferred`: else it might never come at a time
    when no code of ours runs.
    """
    if is_doomed() and thread.get_ident() == econtext.main_thread:
        raise make()


def make():
    """The exception to raise. No frame of ours may keep it: it must die as soon as user code has
    handled it.
    """
    global raised, alive
    error = Cancelled(econtext.doomed[1])
    raised = ref(error, gone)
    alive = True
    return error


def gone(reference):
    """An exception is freed: the I/O thread, which asks, must not be the one that frees it."""
    global alive
    if reference is raised:
        alive = False


def is_interruptible(frame):
    """Whether the code there may be left at any point: what counts is the innermost function of
    ours.
    """
    core = vars(econtext)
    while frame:
        code = frame.f_code
        if frame.f_globals is core:
            return code.co_name in CORE_INTERRUPTIBLE
        name = frame.f_globals.get("__name__")
        if type(name) is str and name[:9] == "econtext.":
            return code.co_name in frame.f_globals.get("INTERRUPTIBLE", ())
        frame = frame.f_back
    return True


def is_passing(frame):
    """Whether a lock may have been taken there that no `with` or `finally` knows of yet."""
    global passing
    module = frame.f_globals.get("__name__")
    is_of_locks = frame.f_code.co_name in OF_LOCKS or module in MODULES_OF_LOCKS
    passing = passing + 1 if is_of_locks and passing < MAX_PASSING else 0
    return passing > 0


def in_child():
    """In a process that user code has forked (econtext.forks): no call of it is interrupted from
    here.
    """
    global sending, until
    sending = thread.allocate_lock()
    until = 0


def newest():
    """The id of the process that was started last, or 0."""
    if load is None:
        return 0
    os.lseek(load, 0, 0)
    return int(os.read(load, 128).split()[-1])


try:
    load = os.open("/proc/loadavg", os.O_RDONLY)
    fcntl.fcntl(load, fcntl.F_SETFD, 1)
    newest()
except (EnvironmentError, ValueError):
    load = None


def install():
    """From now on calls can be interrupted: the core asks our `clock`, and we handle SIGINT."""
    if econtext.clock is clock or thread.get_ident() != econtext.main_thread:
        return  # other threads may not set a signal handler: the next call does
    # A handler of user code stays: it decides what ctrl-C means.
    if signal.getsignal(signal.SIGINT) is econtext.on_interrupt:
        signal.signal(signal.SIGINT, on_interrupt)
    econtext.tier("forks").install()
    econtext.install(clock=clock, Cancelled=Cancelled)
