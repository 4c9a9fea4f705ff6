# econtext.importer, part 2: from a record to a module, and the finders of sys.meta_path.

class Loader(SourceFileLoader):
    """Loads one module. A SourceFileLoader, so that whatever asks for one's package knows what it
    can be asked.
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

    def load_module(self, name):
        # Python 2; in Python 3, `exec_module` is a SourceFileLoader's own.
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


def folders_of(record):
    """The __path__ of a package."""
    return [ROOT + stem(path) for path in paths_of(record)]


def make_spec(name, loader, **options):
    return type(sys.__spec__)(name, loader, **options)


def spec_of(name, record, folders=None):
    """The spec of a module of the master's, under whatever name; None for what is only asked for,
    and would be refused. `folders`: of a namespace package, the part that is wanted.
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
    """Finds what is in one folder of the master's: a hook of sys.path_hooks. A FileFinder, as
    pkgutil and its like know one.
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


def folder_27(path):
    """The same for Python 2, where it only lists: modules are found by our Importer, which comes
    before.
    """
    if path[: len(ROOT)] != ROOT:
        raise ImportError("not of the master's")
    import pkgutil

    finder = pkgutil.ImpImporter(path)
    finder.find_module = lambda name, path=None: None
    return finder


site_taken = False


def take_site():
    """Do what `site` does at the start of an interpreter, which was told to leave it out; true when
    there are new places to look in. The first module that is not in the standard library wants its
    paths.
    """
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


def elsewhere(name, path=None, target=None):
    """What the other finders have: a spec, or in Python 2 whether they have the module."""
    if not PY3:
        try:
            found = imp.find_module(name, path)[0]
        except ImportError:
            return None
        if found:
            found.close()
        return True
    for finder in sys.meta_path:
        spec = finder is not importer and finder.find_spec(name, path, target)
        if spec:
            return spec


class Importer(object):
    """Finds what nothing else finds: it comes last in sys.meta_path (in Python 2, where it comes
    first, it looks elsewhere itself).
    """

    def find(self, name, path=None, target=None):
        if name in HOOKS:
            return hook(name)
        return (self.find_spec if PY3 else self.find_module)(name, path)

    def find_spec(self, name, path=None, target=None):
        if name[:9] == "econtext.":
            found = find_own(name)
            return found and make_spec(name, Loaded(found))
        spec = take_site() and elsewhere(name, path, target)
        if spec:
            return spec
        record = record_of(name)
        return spec_of(name, record) if record else None

    def find_module(self, name, path=None):
        if name in HOOKS:
            return hook(name)
        if name[:9] == "econtext.":
            found = find_own(name)
            return found and Loaded(found)
        parent, _, tail = name.rpartition(".")
        ours = [p[len(ROOT) :] for p in (sys.path if path is None else path) if p[: len(ROOT)] == ROOT]
        while 1:
            if elsewhere(tail, path):
                return None
            # Python 2 looks for every import beside the importing module first: mostly one of this
            # interpreter's own.
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


def find_own(name):
    """A module of the second tier, or one that a call named by its path (econtext.own)."""
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
    """Become part of the import system, and of what reads files, when the first module of the
    master's is about to be loaded.
    """
    global joined
    if joined:
        return
    joined = True
    take_site()
    sys.path_hooks.insert(0, Folder if PY3 else folder_27)
    sys.path.extend([ROOT + native(root) for root in modules[""][1]])
    tier("path_watch").install()


def prepare(name):
    """Get ready for the import of a topmost module of the master's, while its records are on their
    way.
    """
    install()
    if name not in sys.modules and not elsewhere(name) and not (take_site() and elsewhere(name)):
        join()


# -- logging, and what else is hooked --------------------------------------------------------------
HOOKS = {"logging": "logs"}  # modules of ours that go with modules of Python's
if PY3:
    HOOKS["multiprocessing.spawn"] = "spawned"
importer = Importer()


def hook(name):
    """User code imports what a module of ours goes with. Not in a fork, which may have no way to
    get that.
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


def handed_down():
    """Records of all modules that have come, by the names that they have here: for a process that
    cannot ask for them.
    """
    found = dict((name, record) for name, record in modules.items() if len(record) > 1 and name and name[:1] != "/" and name[:9] != "econtext.")
    for name, module in list(sys.modules.items()):
        loader = getattr(module, "__loader__", None)
        if type(loader) is Loader:
            found[name] = loader.record
            top = name.partition(".")[0]
            found.setdefault(top, [top, [], True, None, ""])  # of what was named by its file
    return found


class Hook(object):
    """First in sys.meta_path, for what is hooked."""

    def find_spec(self, name, path=None, target=None):
        if name in HOOKS and os.getpid() == process:
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
            if "multiprocessing.spawn" in sys.modules:
                tier(HOOKS.pop("multiprocessing.spawn")).install()
        else:
            sys.meta_path.insert(0, importer)
    return importer
