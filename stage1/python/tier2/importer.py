"""econtext.importer: what user code imports and this interpreter does not have comes from the
master.

Second tier: a context whose functions are all in the standard library never needs it. From a
record (econtext.records) it makes a module, and stands in sys.meta_path. Python 2 has finders of
another kind: econtext.importer_27. The text is in three modules because a compiler's memory grows
with the text, and fresh memory takes as long as the compiling.
"""
import os
import sys

import econtext

# sent along: forks, path_watch, importer_27
from econtext import PY3, Finder, fetch, modules


def tier(name):
    """As the core's `tier`, with the module's name in tracebacks: from now on, users see them."""
    name = "econtext." + name
    if name not in sys.modules:
        module = type(sys)(name)
        module.__package__ = ""
        exec(compile(fetch(name)[4], name, "exec", 0, True), module.__dict__)
        sys.modules.setdefault(name, module)
    return sys.modules[name]


econtext.install(tier=tier)
tier("records")
from econtext.records import ROOT, folders_of, native, process, record_at, record_of, source_of

if PY3:
    from _frozen_importlib_external import FileFinder, SourceFileLoader
else:
    FileFinder = SourceFileLoader = object

INTERRUPTIBLE = ("exec_module",)  # it runs user code, or waits as user code would


class Loader(SourceFileLoader):
    """Loads one module.

    It is a SourceFileLoader, because code that asks for a module's loader knows the methods of one.
    """

    def __init__(self, name, record):
        self.name = str(name)
        self.record = record
        self.path = None if isinstance(record[1], list) else ROOT + native(record[1])

    def get_code(self, name):
        return compile(source_of(self.record), self.path or "<folder>", "exec", 0, True)

    def get_source(self, name):
        source = source_of(self.record)
        if PY3 and type(source) is bytes:
            import importlib.util

            return importlib.util.decode_source(source)
        return source

    def get_filename(self, name=None):
        return self.path

    def is_package(self, name):
        return self.record[2]

    def get_data(self, path):
        return tier("resources").get_data(path)

    def get_resource_reader(self, name):
        return tier("resources").Reader(self.record[0]) if self.record[2] else None


def make_spec(name, loader, **options):
    return type(sys.__spec__)(name, loader, **options)


def spec_of(name, record, folders=None):
    """Return the spec of a module of the master's, under any name.

    None for a module that user code only asks about, and that could not be loaded. folders: the
    wanted part of a namespace package.
    """
    join()
    if isinstance(record[1], list):
        spec = make_spec(name, None, is_package=True)
    else:
        if record[1][-3:] != ".py" and asks_only():
            return None
        spec = make_spec(name, Loader(name, record), origin=ROOT + record[1], is_package=record[2])
        spec.has_location = True
    if record[2]:
        spec.submodule_search_locations = folders_of(record) if spec.loader or not folders else folders
    return spec


def asks_only():
    """Whether user code asks if there is such a module, and does not import it."""
    frame = sys._getframe(1)
    while frame and frame.f_globals.get("__name__") in ("econtext.importer", "importlib._bootstrap", "importlib._bootstrap_external"):
        frame = frame.f_back
    return bool(frame) and frame.f_globals.get("__name__") == "importlib.util"


# -- Finders ---------------------------------------------------------------------------------------
class Folder(FileFinder):
    """Finds what is in one folder of the master's: a hook of sys.path_hooks.

    It is a FileFinder, because pkgutil and others know one.
    """

    def __init__(self, path):
        if path[: len(ROOT)] != ROOT:
            raise ImportError("not of the master's")
        FileFinder.__init__(self, path)

    def find_spec(self, name, target=None):
        path = self.path + "/" + name.rpartition(".")[2]
        record = record_at(path[len(ROOT) :])
        return spec_of(name, record, [path]) if record else None

    def find_module(self, name):
        spec = self.find_spec(name)
        return spec and spec.loader


site_taken = False


def take_site():
    """Do what `site` does at the start of an interpreter; this one was told to leave it out.

    Returns whether there are new places to look in. The first module that is not in the standard
    library wants the paths of `site`.
    """
    global site_taken
    # In Python 3, user code that only imports `site` gets no paths by that.
    if site_taken or getattr(sys.modules.get("site"), "ENABLE_USER_SITE", None) is not None:
        return False
    site_taken = True
    try:
        import site

        if PY3:
            site.main()
    except Exception:
        pass
    return True


class Importer(object):
    """Finds what nothing else finds: it comes last in sys.meta_path."""

    def find(self, name, path=None, target=None):
        return hook(name) if name in HOOKS else self.find_spec(name, path, target)

    def find_spec(self, name, path=None, target=None):
        if name[:9] == "econtext.":
            found = find_own(name)
            return found and make_spec(name, Loaded(found))
        spec = take_site() and self.elsewhere(name, path, target)
        if spec:
            return spec
        record = record_of(name)
        return spec_of(name, record) if record else None

    def elsewhere(self, name, path=None, target=None):
        """Return the spec that another finder has."""
        for finder in sys.meta_path:
            spec = finder is not self and finder.find_spec(name, path, target)
            if spec:
                return spec


def find_own(name):
    """Return a module of the second tier, or one that a call named by its path (econtext.own)."""
    if name[:13] == "econtext.own.":
        return tier("own").find(name[13:])
    return tier(name[9:]) if fetch(name)[4:] else None


class Loaded(object):
    """Loader of a module that is there already."""

    def __init__(self, module):
        self.module = module
        self.spec = getattr(module, "__spec__", None)

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec or module.__spec__

    def load_module(self, name):
        sys.modules[name] = self.module
        return self.module


joined = False


def join():
    """Become part of the import system, and of the functions that read files.

    The first module of the master's is about to be loaded.
    """
    global joined
    if joined:
        return
    joined = True
    take_site()
    sys.path_hooks.insert(0, Folder if PY3 else tier("importer_27").folder)
    sys.path.extend([ROOT + native(root) for root in modules[""][1]])
    tier("path_watch").install()


def prepare(name):
    """Get ready for the import of a topmost module of the master's.

    The master calls this while it reads that module and what the module imports.
    """
    finder = install()
    if name not in sys.modules and not finder.elsewhere(name) and not (take_site() and finder.elsewhere(name)):
        join()


# -- logging, and what else is hooked --------------------------------------------------------------
HOOKS = {"logging": "logs"}  # modules of ours that go with modules of Python's
if PY3:
    HOOKS["multiprocessing.spawn"] = "spawned"


def hook(name):
    """Load a module of Python's, and the module of ours that goes with it.

    Not in a forked process, which may have no way to get ours.
    """
    ours = HOOKS.pop(name)
    __import__(name)
    module = sys.modules[name]
    tier(ours).install()
    loader = Loaded(module)
    if not PY3:
        return loader
    # The import system trusts the __spec__ of a module that turned up meanwhile, and would load it
    # again.
    module.__spec__ = make_spec(name, loader)
    return module.__spec__


class Hook(object):
    """First in sys.meta_path, for what is hooked."""

    def find_spec(self, name, path=None, target=None):
        if name in HOOKS and os.getpid() == process:
            return hook(name)
        if name == "importlib.resources" and sys.version_info[:2] == (3, 9) and os.getpid() == process:
            tier("resources")


importer = Importer() if PY3 else None


def install():
    """Take the place of the core's finders. Returns the finder; may be called twice."""
    global importer
    importer = importer or tier("importer_27").Importer()
    if importer not in sys.meta_path:
        sys.meta_path[:] = [f for f in sys.meta_path if type(f) is not Finder]
        if PY3:
            sys.meta_path.insert(0, Hook())
            sys.meta_path.append(importer)
            if "multiprocessing.spawn" in sys.modules:
                tier(HOOKS.pop("multiprocessing.spawn")).install()
        else:
            sys.meta_path.insert(0, importer)
    return importer
