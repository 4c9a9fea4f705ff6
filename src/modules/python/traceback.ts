/**
 * Rewrites texts of a Python slave for its user: paths of forwarded files become the master's own,
 * frames of the slave's code are removed, and a missing file of a forwarded package is explained.
 * Twin: JavaScriptFinder.mapStack.
 */
import { PythonFiles } from "./files.ts";
import type { PythonFinder } from "./finder.ts";
import { FORWARDED } from "./responder.ts";

/** A line of an error about a file of a forwarded package. */
const MISSING_FILE = new RegExp(
  `^(?=.*No such file or directory|.*unable to open).*${FORWARDED}(/[^'"\n:]*).*$`,
  "gm",
);
/** A line of a traceback. The slave's own code has no source below it. */
const OWN_FRAME = /^ *File "econtext(?:\.\w+)?", line \d+, in .*\n/gm;

/**
 * The last line of a traceback, of an exception in a file whose module name was taken
 * (stage1/python/tier2/own.py).
 */
const OWN_NAME = /^( *)econtext_own\.(?=[\w.]+(?::|$))/gm;

/** @param text of an error or of a log record, as the slave sent it */
export function mapTraceback(text: string, finder: PythonFinder): string {
  const own = text
    .replaceAll(`File "${FORWARDED}/`, 'File "/')
    .replace(OWN_FRAME, "")
    .replace(OWN_NAME, "$1");
  return own.replace(MISSING_FILE, (line, path: string) => {
    if (line.includes("--unpack")) return line;
    return `${line} (${new PythonFiles(finder).explainMissing(path)})`;
  });
}
