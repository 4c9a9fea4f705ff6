/** Python as a kind of far side. Its fixtures: test/fixtures/python. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LEVELS } from "../../src/index.ts";
import type { SupportedVersion } from "../helpers/pythons.ts";
import type { Kind } from "./kind.ts";

const FIXTURES = join(import.meta.dir, "../fixtures/python");
const ROOT = join(FIXTURES, "root");
/** A folder of modules that the far side has itself. */
export const FAR_FOLDER = join(FIXTURES, "far");
const ERRORS_FILE = pythonFile("tasks/errors.py");

/** Cases whose names are not Python's own. */
const BUILTIN: Readonly<Record<string, string>> = {
  length: "len",
  pid: "os.getpid",
  folder: "os.getcwd",
  enter: "os.chdir",
  sleep: "time.sleep",
  block: "time.sleep",
  copy: "copy.deepcopy",
  dumps: "json.dumps",
};

/** A fixture's file on the master. */
export function pythonFile(path: string): string {
  return join(ROOT, path);
}

export function isPython3(version: string): boolean {
  return !version.startsWith("2");
}

export function pythonKind(version: SupportedVersion): Kind {
  const python3 = isPython3(version);
  return {
    language: "python",
    kind: "python",
    version,
    roots: [ROOT, join(FIXTURES, "second")],
    fn: (name) => BUILTIN[name] ?? name,
    values: {
      types: {
        nothing: "NoneType",
        boolean: "bool",
        integer: "int",
        float: "float",
        text: python3 ? "str" : "unicode",
        list: "list",
        object: "dict",
        bytes: python3 ? "bytes" : "Bytes",
        big: "int",
        date: "datetime",
        set: "set",
        map: "dict",
        sender: "Sender",
      },
      nothing: null,
      received: (args, named) => [args, named],
      spellings: [
        ["os.path.join", ["a", "b"], "a/b"],
        ["len", [[1, 2, 3]], 3],
        ["sorted", [[2, 1]], [1, 2]],
        ["tasks.shapes:Shape.unit", [3], ["Shape", 12]],
        ["tasks.shapes.Shape.unit", [], ["Shape", 4]],
        ["tasks.shapes.Shape.plain", [1, 2], 3],
        ["tasks.shapes.Shape.Inner.name", [], "inner"],
        ["tasks.shapes:Shape.Inner.name", [], "inner"],
        ["tasks.shapes.twice", [4], 8],
        ["xml.dom.minidom.parseString.__name__.upper", [], "PARSESTRING"],
      ],
      deadEnds: [
        ["tasks.shapes.Shape.nothing", "Shape"],
        ["tasks.shapes:nothing", "nothing"],
        ["no_such_module.function", "no_such_module"],
        ["tasks.no_such_module.function", "no_such_module"],
        ["no_such_builtin", "no_such_builtin"],
        ["tasks.shapes.NOT_A_FUNCTION", "callable"],
      ],
    },
    errors: {
      refused: "tasks.errors.Refused",
      deep: [
        /^Traceback \(most recent call last\):$/,
        new RegExp(`^File "${RegExp.escape(ERRORS_FILE)}", line 20, in deep$`),
      ],
      deepHas: [
        `File "${ERRORS_FILE}", line 16, in refuse\n`,
        'raise Refused(u"no \\u2603 for %s" % what)',
      ],
      foreign: ["<string>", "/econtext-master/"],
      builtin: [
        [
          "os.listdir",
          ["/no/such/folder"],
          python3 ? "FileNotFoundError" : "OSError",
          "/no/such/folder",
        ],
        ["int", ["x"], "ValueError", "'x'"],
        ["json.loads", ["{"], python3 ? "json.decoder.JSONDecodeError" : "ValueError", ""],
        [
          "int",
          ["\u2603"],
          python3 ? "ValueError" : "UnicodeEncodeError",
          python3 ? "'\u2603'" : "u'\\u2603'",
        ],
      ],
      chain: python3
        ? ["KeyError: 'first'", "During handling of the above exception", "ValueError: second"]
        : undefined,
      leaving: [
        ["tasks.errors.leave", [3], "SystemExit", "3"],
        ["tasks.errors.interrupted", [], "KeyboardInterrupt", "by hand"],
      ],
      unspeakable: "tasks.errors.Unspeakable",
      unsendable: "TypeError",
      handedOver: python3 ? "in refuse" : undefined,
    },
    interruption: {
      interruptible: [
        ["time.sleep", "sleep", (seconds) => [Number(seconds)]],
        ["a busy loop", "tasks.hang.spin", () => []],
        ["os.system", "tasks.hang.shell", (seconds) => [`sleep ${seconds}`]],
        ["a command of subprocess", "tasks.hang.run", (seconds) => ["sleep", seconds]],
        ["a pipeline in a shell", "tasks.hang.shell", (seconds) => [`sleep ${seconds} | cat`]],
      ],
      costly: [
        ["swallows its interrupts", "tasks.hang.stubborn", [60]],
        ["stays in C", "tasks.hang.backtrack", [60]],
      ],
      tidy: {},
    },
    output: {
      records: [
        ["tasks.output", LEVELS.info, "plain caf\u00e9"],
        ["tasks.output", LEVELS.warning, "two\nlines"],
        ["app.db", LEVELS.error, "in the base"],
        ["root", LEVELS.critical, "at the root"],
      ],
      loggers: { fine: "fine", mixed: "mixed", thread: "thread", strain: "strain" },
      exception: {
        start: "app: it failed\nTraceback (most recent call last):",
        has: ['{}["gone"]', "KeyError: 'gone'"],
        hasNot: [],
      },
    },
    process: { mainThread: ["_MainThread", "MainThread", true] },
    modules: {
      writePackage,
      own: [
        ["os.path.basename", ["/a/b"], "b"],
        ["json.loads", ["[1]"], [1]],
      ],
      // Python 2 has finders of its own behind all others: every import is shown to the importer
      // first.
      ownRequests: python3 ? [] : ["econtext.importer"],
      late: ["imports.late_1", "imports.late_2", "imports.late_3"],
      // The third comes along with the second.
      lateRequests: ["imports.late_1", "imports.late_2"],
      missing: ["nowhere_at_all", "imports.nothing", "imports.late_1.x", "nowhere.x", "os.x"],
      // Every package's record lists what there is.
      missingRequests: [],
      optional: [python3 ? "ModuleNotFoundError" : "ImportError", "none", "none"],
      shadow: [0, 0, 7],
      elsewhere: "elsewhere",
      syntaxError: {
        type: "SyntaxError",
        says: [`File "${pythonFile("imports/broken.py")}", line 4`, "def broken(:"],
      },
      flaky: { type: "RuntimeError", place: 'imports/flaky.py", line 5' },
    },
  };
}

function writePackage(root: string, count: number): void {
  mkdirSync(join(root, "thirty/sub"), { recursive: true });
  const place = (i: number): string => (i % 2 === 0 ? `mod${i}` : `sub.mod${i}`);
  const file = (name: string): string => join(root, "thirty", `${name.replaceAll(".", "/")}.py`);
  for (let i = 0; i < count; i++) {
    const next =
      i + 1 < count ? `from thirty.${place(i + 1)} import total as rest\n` : "rest = 0\n";
    writeFileSync(
      file(place(i)),
      `${next}total = ${i} + rest\n\n\ndef value():\n    return ${i}\n`,
    );
  }
  writeFileSync(join(root, "thirty/sub/__init__.py"), "");
  const total = "from thirty.mod0 import total\n\n\ndef count():\n    return total\n";
  writeFileSync(join(root, "thirty/__init__.py"), total);
}
