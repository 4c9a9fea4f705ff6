"""econtext.command_popen: starts a command by `subprocess`.

Second tier: comes with econtext.commands. It is for commands with a terminal or a folder, for
Pythons without posix_spawn, and for hops that have raised their limit of open files. All others are
started by econtext.command_process, because the import of `subprocess` takes longer than everything
else that a command needs.
"""
import os
import signal
import sys

import econtext
from econtext import PY3

# `subprocess` tries to import this module of Windows. The slave must not ask the master for it.
absent = "msvcrt" not in sys.modules and not sys.modules.setdefault("msvcrt")
import subprocess

absent and sys.modules.pop("msvcrt")

# Python 2 asks the importer about each import of the standard library, and `subprocess` has many.
# sent along: importer
environment = econtext.tier("environment")


def start(argv, options):
    """Start a command with a pipe for each stream that `options` names. Returns the process."""
    stdin, stdout, stderr = [subprocess.PIPE if options.get(name) else None for name in ("stdin", "stdout", "stderr")]
    return spawn(argv, options, stdin or open(os.devnull, "rb"), stdout, stderr)


def spawn(argv, options, stdin, stdout, stderr, prepare=None):
    """Start a command with these streams. `prepare` is called in the new process."""
    # A hop may have raised its limit of open files (../switch/start.py).
    restore_limit = getattr(econtext, "restore_limit", None)

    def prepare_all():
        if not PY3:
            # Python ignores SIGPIPE, and version 2 hands that down.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if restore_limit:
            restore_limit()
        if prepare:
            prepare()

    return subprocess.Popen(
        [argument.encode("utf-8") for argument in argv],
        bufsize=0,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=options.get("cwd"),
        env=environment.of_command(options),
        close_fds=True,
        preexec_fn=prepare_all if prepare or restore_limit or not PY3 else None,
    )
