# The core, part 2: modules of the second tier, and the way to the importer, which is one of them.

modules = {}  # name: the master's record, [name, path, is_package, children, source] or [name]


def absorb(body):
    for record in loads(zlib.decompress(body)):
        modules[record[0]] = record


def fetch(name):
    """Return the master's record of a module: one that it offered, else ask for it."""
    while name not in modules:
        absorb(offers.pop(0) if offers else ask(GET_MODULE, name)[1])
    return modules[name]


def tier(name):
    """Return the module econtext.`name` of the second tier.

    An import also binds the name here, so it must differ from all names of the core.
    """
    name = "econtext." + name
    if name not in sys.modules:
        module = type(sys)(name)
        module.__package__ = ""
        # Without `compile`, whose first use takes a millisecond.
        exec(fetch(name)[4], module.__dict__)
        sys.modules.setdefault(name, module)
    return sys.modules[name]


class Finder(object):
    """Stands in sys.meta_path for the importer until there is work for it.

    The first entry waits for an import of logging, the last for an import that no other finder can
    serve. Python 2 asks its own finders after all of sys.meta_path: there, the first import counts.
    """

    loading = False

    def find_spec(self, *request):
        if not Finder.loading and (not PY3 or request[0] == "logging" or self is sys.meta_path[-1]):
            Finder.loading = True
            return tier("importer").install().find(*request)

    find_module = find_spec
