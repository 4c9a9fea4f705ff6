"""econtext.importer: what user code imports and this interpreter does not have comes from the master.

Second tier: a context whose functions are all in the standard library never needs it. Twin: src/modules/python-responder.ts. The records:
docs/protocol.md, "Module records".
"""
import os
import sys

from econtext import PY3, Finder, fetch, modules, tier

if not PY3:
    import imp

INTERRUPTIBLE = "load_module", "exec_module"  # which run user code

process = os.getpid()


def record_of(name):
    """The master's record of a module, or None. What is in no list of the master's is not asked for."""
    if name[:9] == "econtext.":
        return None
    if name not in modules:
        if os.getpid() != process:
            return None  # a fork of user code: nobody would read the answer
        fetch("")
    if name not in modules:
        parent, _, child = name.rpartition(".")
        for package, tail in ("", name.partition(".")[0]), (parent, child):
            known = modules.get(package)
            if known and (len(known) < 4 or known[3] is not None and tail not in known[3]):
                return None
        fetch(name)
    record = modules.get(name)
    return record if record and len(record) > 1 else None


site_taken = False


def take_site():
    """Do what `site` does at the start of an interpreter, which was told to leave it out; true when there are new places to look in. The
    first module that is not in the standard library wants its paths."""
    global site_taken
    # User code that only imports it gets no paths by that, from Python 3 on.
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
    """Finds what nothing else finds: it comes last in sys.meta_path (in Python 2, where it comes first, it looks elsewhere itself)."""

    def find(self, name, path=None, target=None):
        if name == "logging" and not hooked:
            return hook(name)
        if PY3:
            return self.find_spec(name, path, target)
        return self.find_module(name, path)

    def find_spec(self, name, path=None, target=None):
        if name[:9] == "econtext.":
            return self.spec(name, Loaded(tier(name[9:]))) if fetch(name)[4:] else None
        if take_site():
            for finder in sys.meta_path:
                spec = finder is not self and finder.find_spec(name, path, target)
                if spec:
                    return spec
        record = record_of(name)
        if record:
            spec = self.spec(name, self, origin="master:" + record[1], is_package=record[2])
            spec.has_location = record[1][-3:] == ".py"  # A namespace package has none.
            return spec

    def spec(self, *a, **k):
        return type(sys.__spec__)(*a, **k)

    def find_module(self, name, path=None):
        if name == "logging" and not hooked:
            return hook(name)
        if name[:9] == "econtext.":
            return Loaded(tier(name[9:])) if fetch(name)[4:] else None
        parent, _, tail = name.rpartition(".")
        while 1:
            try:
                found = imp.find_module(tail, path)[0]
                if found:
                    found.close()
                return None
            except ImportError:
                # Python 2 looks for every import beside the importing module first: mostly one of this interpreter's own.
                if parent and getattr(sys.modules.get(parent), "__loader__", None) is not self:
                    return None
                if not take_site():
                    return self if record_of(name) else None

    def load_module(self, name):
        record = modules[name]
        module = sys.modules[name] = type(sys)(str(name))
        module.__file__ = "master:" + record[1]
        module.__loader__ = self
        module.__package__ = str(name)
        if record[2]:
            module.__path__ = []
        else:
            module.__package__ = str(name.rpartition(".")[0])
        try:
            self.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return sys.modules[name]

    def create_module(self, spec):
        pass

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    # For linecache, inspect, runpy and pkgutil: PEP 302's optional parts.
    def get_code(self, name):
        return compile(self.get_source(name), str("master:" + modules[name][1]), "exec", 0, True)

    def get_source(self, name):
        return modules[name][4]

    def get_filename(self, name):
        return "master:" + modules[name][1]

    def is_package(self, name):
        return modules[name][2]

    def get_data(self, path):
        return tier("resources").get_data(path)

    def get_resource_reader(self, name):
        return tier("resources").Reader(name) if modules[name][2] else None


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
        return self.module


hooked = False
importer = Importer()


def hook(name):
    """User code imports logging: our handler goes with it."""
    global hooked
    hooked = True
    import logging

    tier("logs").install()
    loader = Loaded(logging)
    if not PY3:
        return loader
    # The import system trusts the __spec__ of a module that turned up meanwhile, and would load it again.
    logging.__spec__ = importer.spec(name, loader)
    return logging.__spec__


class Hook(object):
    """First in sys.meta_path, for logging alone."""

    def find_spec(self, name, path=None, target=None):
        if name == "logging" and not hooked:
            return hook(name)
        if name == "importlib.resources" and sys.version_info[:2] == (3, 9) and os.getpid() == process:
            tier("resources")


def install():
    """Take the place of the core's finders."""
    if importer not in sys.meta_path:
        sys.meta_path[:] = [f for f in sys.meta_path if type(f) is not Finder]
        if PY3:
            sys.meta_path.insert(0, Hook())
            sys.meta_path.append(importer)
        else:
            sys.meta_path.insert(0, importer)
    return importer
