/**
 * The argument vector that starts a slave: the first stage, with or without finding the interpreter itself. A constant of the build
 * for each plan: nothing in it differs from host to host, so it can be audited and allow-listed.
 */
import {
  FIND_ANY,
  FIND_JS,
  FIND_PYTHON,
  JS_CORE,
  JS_FIRST_STAGE,
  PYTHON_CORE,
  PYTHON_FIRST_STAGE,
  RUN_JS,
  RUN_PYTHON,
} from "./embedded.ts";

/** What is to be started. */
export interface Plan {
  /** The language of the work; `any`: whichever interpreter starts fastest. */
  readonly wants: "python" | "javascript" | "any";
  /** With a `kind`, no other interpreter will do. */
  readonly kind?: "python" | "node" | "bun" | undefined;
  /** Where that interpreter is; default: on PATH. */
  readonly path?: string | undefined;
}

/** Exit statuses of the first stage itself. docs/protocol.md, "Bootstrap". */
export const NO_INTERPRETER = 97;
export const TOO_OLD = 98;
export const CUT_SHORT = 99;

/** Names that the first stage tries, in order. */
export function tried({ wants, kind, path }: Plan): readonly string[] {
  if (path !== undefined) return [path];
  if (kind !== undefined && kind !== "python") return [kind];
  if (wants === "python" || kind === "python") return ["python3", "python", "python2"];
  return wants === "javascript" ? ["bun", "node"] : ["python3", "bun", "node", "python"];
}

/** What is sent for a plan before the boot arguments. */
export function program(plan: Plan): readonly Uint8Array[] {
  const sent = cores(plan);
  // A command line that held both first stages would be too long.
  if (sent.length < 2) return sent;
  const skipping = JS_FIRST_STAGE.replace("p.argv.pop())", `$&.slice(${PYTHON_CORE.length})`);
  return [new TextEncoder().encode(`${skipping}\n`), ...sent];
}

/** The cores that are sent for a plan, in this order: the first stage takes its own. */
function cores({ wants, kind }: Plan): readonly Uint8Array[] {
  if (kind === "python" || (kind === undefined && wants === "python")) return [PYTHON_CORE];
  return kind === undefined && wants === "any" ? [PYTHON_CORE, JS_CORE] : [JS_CORE];
}

/** Bun must neither install what is missing nor read the `.env` or the `bunfig.toml` (it may name code to run) of its working directory. */
const BUN_FLAGS = ["--config=/dev/null", "--no-install", "--no-env-file"] as const;

/** With `--trace-sync-io` in NODE_OPTIONS, telling of what was printed would print more, without end. From Node.js 12 on. */
export const NODE_FLAG = "--no-trace-sync-io";

/** `-B`: nothing on disk. `-S`: `site` costs a third of the start, and is taken in when it is needed. */
export function firstStage(plan: Plan): string[] {
  const { kind, path } = plan;
  const sent = cores(plan);
  const total = String(sent.reduce((sum, core) => sum + core.length, 0));
  const python = [PYTHON_FIRST_STAGE, total];
  const javascript = [JS_FIRST_STAGE, total];
  if (kind === "node") {
    return ["sh", "-c", RUN_JS, path ?? "node", NODE_FLAG, "-e", ...javascript];
  }
  if (kind === "bun") return ["sh", "-c", RUN_JS, path ?? "bun", ...BUN_FLAGS, "-e", ...javascript];
  if (path !== undefined) return ["sh", "-c", RUN_PYTHON, path, "-BSc", ...python];
  if (sent.length > 1) {
    return ["sh", "-c", FIND_ANY, "sh", PYTHON_FIRST_STAGE, total];
  }
  if (sent[0] === PYTHON_CORE) return ["sh", "-c", FIND_PYTHON, "sh", ...python];
  return ["sh", "-c", FIND_JS, "sh", ...javascript];
}
