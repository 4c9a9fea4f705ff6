"""econtext.coroutines: what a call of an `async def` function gives: its coroutine is awaited, an
async iterable is iterated.

Second tier: fetched when the first such result is met. Each call has an event loop of its own,
which ends with it. Used by econtext.values.
"""
INTERRUPTIBLE = "run", "iterate"  # which run user code

try:
    import asyncio
except ImportError:
    asyncio = None  # a small Python: what awaits nothing but coroutines needs no loop


def has(value, *names):
    return any([hasattr(type(value), name) for name in names])


def result(value):
    """The value of an awaitable; of an async iterable, which an awaitable may give too, a generator
    of the same values.
    """
    loop = Loop()
    given = None
    try:
        if has(value, "__await__"):
            value = loop.run(value)
        if has(value, "__aiter__", "__anext__"):
            given = iterate(value, loop)
            next(given)
            return given
        return value
    finally:
        if given is None:
            loop.close()


def iterate(values, loop):
    """First yields None: a generator that has begun closes its loop, iterated or not."""
    try:
        yield
        if has(values, "__aiter__"):
            values = values.__aiter__()
        while True:
            try:
                value = loop.run(values.__anext__())
            except StopAsyncIteration:  # noqa: F821
                return
            yield value
    finally:
        try:
            if hasattr(values, "aclose"):
                loop.run(values.aclose())
        finally:
            loop.close()


class Loop(object):
    """An event loop for one call."""

    def __init__(self):
        self.loop = asyncio and asyncio.new_event_loop()

    def run(self, awaitable):
        if self.loop:
            asyncio.set_event_loop(self.loop)
            return self.loop.run_until_complete(awaitable)
        steps = awaitable.__await__()
        try:
            next(steps)
        except StopIteration as e:
            return e.value
        raise ImportError("asyncio is not installed here (Debian has it in libpython3-stdlib)")

    def close(self):
        """End what is left, as asyncio.run does."""
        if not self.loop:
            return
        try:
            every = getattr(asyncio, "all_tasks", None) or asyncio.Task.all_tasks
            tasks = [task for task in every(self.loop) if not task.done()]
            for task in tasks:
                task.cancel()
            if tasks:
                self.loop.run_until_complete(asyncio.wait(tasks))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            if hasattr(self.loop, "shutdown_default_executor"):
                self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()
