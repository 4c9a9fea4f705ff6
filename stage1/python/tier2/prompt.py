"""econtext.prompt: evaluates what is typed at the master's prompt, as Python's own prompt does.

Second tier: fetched by the first input in Python. Names stay from one input to the next. Twin:
none; a prompt for JavaScript evaluates in the master.
"""
import ast
import linecache
import sys

import econtext
from econtext import text

INTERRUPTIBLE = "evaluate", "complete"  # which run user code

# What the compilers of Python 2.7 to 3.13 say of a text that more lines may complete.
OPEN = "unexpected EOF", "EOF while", "was never closed", "unterminated triple", "incomplete input"
# The same, if the error is in the last line.
EXPECTED = "expected an indented block", "expected 'except' or 'finally' block"

names = {"__name__": "__console__", "__doc__": None, "exit": sys.exit, "quit": sys.exit}
count = 0

try:
    from _sitebuiltins import _Helper

    names["help"] = _Helper()
except ImportError:
    pass  # Python 2.7 has it only with the module site


def evaluate(source, whole):
    """Runs statements, in order.

    @param whole: no more lines follow
    @returns: what expressions would print; None if more lines may complete the source
    """
    global count
    name = "<python:%d>" % (count + 1)
    tree = parse(source, whole, name)
    if tree is None:
        return None
    count += 1
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    shown = []

    def show(value):
        if value is not None:
            names["_"] = value
            shown.append(text(repr(value)))

    sys.displayhook = show
    try:
        # A list of statements as at a prompt: each expression is shown.
        eval(compile(ast.Interactive(tree.body), name, "single", 0, True), names)
    finally:
        sys.displayhook = sys.__displayhook__
        show_rest()
    return u"\n".join(shown)


def show_rest():
    """Forward what was printed last, also if its line has no end."""
    sys.stdout.flush()
    econtext.drain(0, True)


def parse(source, whole, name):
    lines = source.rstrip("\n").split("\n")
    try:
        tree = ast.parse(source, name)
    except SyntaxError as error:
        said = str(error)
        last = (error.lineno or 0) >= len(lines)
        if not whole and (holds(OPEN, said) or last and holds(EXPECTED, said)):
            return None
        # The error says where it is. The frames of the compiler say nothing more.
        error.__traceback__ = None
        raise error
    # As at Python's own prompt, an empty line ends a block. The body of `exec` is no list.
    last = tree.body[-1] if tree.body else None
    is_block = isinstance(getattr(last, "body", None), list)
    if is_block and not whole and not source.endswith("\n\n"):
        return None
    return tree


def holds(parts, said):
    return any(part in said for part in parts)


def complete(path):
    """Names that begin so: members of a name of the prompt, or of a module."""
    parts = path.split(".")
    known = dict(vars(sys.modules["builtins" if sys.version_info[0] > 2 else "__builtin__"]), **names)
    if len(parts) == 1:
        return matching("", known, parts[0])
    if parts[0] in names:
        value = names[parts[0]]
    else:
        try:
            value = __import__(parts[0])
        except ImportError:
            return []
    for part in parts[1:-1]:
        value = getattr(value, part, None)
    return matching(".".join(parts[:-1]) + ".", dir(value), parts[-1])


def matching(before, found, typed):
    return sorted(
        text(before + name)
        for name in found
        if name.startswith(typed) and (typed or not name.startswith("_"))
    )
