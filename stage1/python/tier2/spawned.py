"""econtext.spawned: forwarded modules for processes that multiprocessing starts without a fork
(`spawn`, `forkserver`).

Second tier: comes when user code imports multiprocessing.spawn. Such a process is a new
interpreter, without a core and a connection: it would not find a function of a forwarded module,
and its pool would wait for ever. So the modules travel with what multiprocessing sends it first.
This text runs in the context (`hand_down`), and again in the new process (`receive`), where nothing
of econtext can be imported.
"""
import sys
from multiprocessing import spawn

records = {}  # as the master's, by the names that the modules have here


class Loader(object):
    """Of one module. `get_data` serves sources only: other files are the context's to read."""

    def __init__(self, record):
        self.record = record
        self.path = None if isinstance(record[1], list) else ROOT + record[1]

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        if self.path:
            exec(compile(self.get_data(self.path), self.path, "exec", 0, True), module.__dict__)

    def get_data(self, path):
        if path != self.path:
            raise OSError("%s: only the context that started this process can read it" % path)
        source = self.record[4]
        return source if not isinstance(source, list) else source[0].encode("latin-1")

    def get_source(self, name):
        source = self.get_data(self.path)
        if isinstance(source, bytes):
            from importlib.util import decode_source

            return decode_source(source)
        return source

    def get_filename(self, name=None):
        return self.path

    def is_package(self, name):
        return self.record[2]


class Finder(object):
    """Comes last in sys.meta_path: what is installed goes first, as in the context."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        record = records.get(name)
        if record is None:
            parent, _, child = name.rpartition(".")
            if child in ((records.get(parent) or (0, 0, 0, None))[3] or ()):
                problem = "the context that started this process has not imported it: import it there first"
                raise ModuleNotFoundError("cannot import %s: %s" % (name, problem), name=name)
            return None
        loader = Loader(record)
        spec = type(sys.__spec__)(name, loader, origin=loader.path, is_package=record[2])
        spec.has_location = bool(loader.path)
        return spec


class Baggage(object):
    """Unpickled, it is the call that makes this module there."""

    def __reduce__(self):
        names = {"SOURCE": SOURCE, "ROOT": ROOT, "RECORDS": collect(), "__name__": "econtext.spawned"}
        # By name: to Python 2, which only reads this module, it is a statement.
        return eval("exec"), (SOURCE + "\nreceive()\n", names)


def hand_down():
    """Send it along with what prepares each new process: the process reads that before all else."""
    prepare = spawn.get_preparation_data

    def get_preparation_data(name):
        return dict(prepare(name), econtext=Baggage())

    spawn.get_preparation_data = get_preparation_data


def receive():
    """In the new process, and for those that it starts in its turn."""
    records.update(RECORDS)
    sys.meta_path.append(Finder)
    hand_down()


def collect():
    return records


def install():
    """In the context."""
    global SOURCE, ROOT, collect
    from econtext import fetch
    from econtext.records import ROOT

    SOURCE = fetch("econtext.spawned")[4]
    collect = handed_down
    hand_down()


def handed_down():
    """Return the records of all modules that have come to the context, by their names there."""
    from econtext import modules
    from econtext.importer import Loader
    from econtext.records import take_offers

    take_offers()
    found = dict((name, record) for name, record in modules.items() if len(record) > 1 and name and name[:1] != "/" and name[:9] != "econtext.")
    for name, module in list(sys.modules.items()):
        loader = getattr(module, "__loader__", None)
        if type(loader) is Loader:
            found[name] = loader.record
            top = name.partition(".")[0]
            found.setdefault(top, [top, [], True, None, ""])  # of what was named by its file
    return found
