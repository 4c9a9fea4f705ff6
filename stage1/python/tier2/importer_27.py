"""econtext.importer_27: the finders and the loader of econtext.importer for Python 2.

Second tier: comes with econtext.importer. Python 2 asks its own finders after all of sys.meta_path,
so that this finder comes first there, and looks elsewhere itself.
"""
import imp
import sys

from econtext.importer import HOOKS, Loaded, find_own, hook, join, take_site
from econtext.importer import Loader as CommonLoader
from econtext.records import ROOT, folders_of, record_at, record_of

INTERRUPTIBLE = ("load_module",)  # it runs user code, or waits as user code would


class Loader(CommonLoader):
    """Loads one module."""

    def load_module(self, name):
        module = sys.modules[name] = type(sys)(str(name))
        module.__loader__ = self
        module.__package__ = str(name if self.record[2] else name.rpartition(".")[0])
        if self.path:
            module.__file__ = self.path
        if self.record[2]:
            module.__path__ = folders_of(self.record)
        try:
            exec(self.get_code(name), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        return sys.modules[name]


def folder(path):
    """A hook of sys.path_hooks that only lists: the Importer, which comes before, finds modules."""
    if path[: len(ROOT)] != ROOT:
        raise ImportError("not of the master's")
    import pkgutil

    finder = pkgutil.ImpImporter(path)
    finder.find_module = lambda name, path=None: None
    return finder


class Importer(object):
    """Finds what Python 2 itself does not find. It comes first in sys.meta_path."""

    def find_module(self, name, path=None):
        if name in HOOKS:
            return hook(name)
        if name[:9] == "econtext.":
            found = find_own(name)
            return found and Loaded(found)
        parent, _, tail = name.rpartition(".")
        ours = [p[len(ROOT) :] for p in (sys.path if path is None else path) if p[: len(ROOT)] == ROOT]
        while 1:
            if self.elsewhere(tail, path):
                return None
            # Python 2 looks for every import beside the importing module first: usually for a
            # module of this interpreter's own.
            if parent and not ours and parent != "econtext_own":
                return None
            if not take_site():
                break
        for folder in ours:
            record = record_at(folder + "/" + tail)
            if record:
                return Loader(name, record)
        record = record_of(name)
        if record:
            join()
            return Loader(name, record)

    find = find_module

    def elsewhere(self, name, path=None):
        """Whether this interpreter has the module itself."""
        try:
            found = imp.find_module(name, path)[0]
        except ImportError:
            return False
        if found:
            found.close()
        return True
