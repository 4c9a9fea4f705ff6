"""What importing a package takes an interpreter that has its sources in memory: it loads `site`,
then compiles and runs each module. Prints the milliseconds and the result.

It imports nothing before that which `site` would import, too.

usage: import_floor.py FOLDER MODULE
"""
import os
import sys
import time

folder, name = sys.argv[1:]
package, _, module = name.partition(".")
folder = os.path.join(folder, package)
files = sorted(f[:-3] for f in os.listdir(folder) if f.startswith("part") and f.endswith(".py"))
sources = [(f, open(os.path.join(folder, f + ".py")).read()) for f in ["__init__"] + files + [module]]

begin = time.perf_counter()
import site

site.main()
for stem, source in sources:
    full = package if stem == "__init__" else package + "." + stem
    made = sys.modules[full] = type(sys)(full)
    if stem == "__init__":
        made.__path__ = []
    else:
        setattr(sys.modules[package], stem, made)
    exec(compile(source, full, "exec", 0, True), made.__dict__)
total = made.run()
print('{"ms": %f, "total": %d}' % ((time.perf_counter() - begin) * 1e3, total))
