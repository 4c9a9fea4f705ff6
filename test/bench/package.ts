/**
 * Writes the package that the far side lacks: thirty modules of some 1.5 KB, with the comments and
 * docstrings that real ones have. `benchpkg.seen` imports them by statements that a master can
 * read; `benchpkg.unseen` by names made at run time.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MODULES = 30;
/** What `run()` returns: each module's number, summed. */
export const TOTAL = (MODULES * (MODULES - 1)) / 2;

const names = Array.from({ length: MODULES }, (_, i) => `part${String(i).padStart(2, "0")}`);

/** @returns the root: the folder to put on the path. */
export function writePackage(root: string): string {
  const dir = join(root, "benchpkg");
  mkdirSync(dir, { recursive: true });
  const write = (name: string, source: string) => writeFileSync(join(dir, `${name}.py`), source);
  write("__init__", "");
  for (const [i, name] of names.entries()) write(name, part(i));
  const sum = "def run():\n    return sum(part.number() for part in PARTS)\n";
  const imports = names.map((name) => `from benchpkg import ${name}\n`).join("");
  write("seen", `${imports}\nPARTS = [${names.join(", ")}]\n\n\n${sum}`);
  write(
    "unseen",
    "import importlib\n\n" +
      `PARTS = [importlib.import_module("benchpkg.part%02d" % i) for i in range(${String(MODULES)})]\n\n\n${sum}`,
  );
  return root;
}

function part(i: number): string {
  const helper = (k: number) => `
def step${String(k)}(value, scale=${String(k + i)}):
    """Weigh the value by the scale, and keep it positive whatever the sign of either was."""
    weighed = value * scale + ${String(k * 17)}  # the offset keeps neighbours apart
    if weighed < 0:
        weighed = -weighed
    return weighed % ${String(1009 + i)}
`;
  const helpers = [0, 1, 2, 3, 4].map(helper).join("\n");
  return `"""Part ${String(i)} of a package that exists to be imported."""\n\n${helpers}\n
def number():\n    return ${String(i)}\n`;
}
