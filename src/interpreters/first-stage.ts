/**
 * The argument vector that starts a slave: the first stage, and the script that finds an
 * interpreter for it. For each plan it is a constant of the build. Nothing in it differs between
 * hosts, so it can be audited and allow-listed.
 */
import {
  BUN_FIRST_STAGE,
  FIND_ANY,
  FIND_JS,
  FIND_PYTHON,
  JS_CORE,
  JS_FIRST_STAGE,
  NODE_FIRST_STAGE,
  PYTHON_CORE,
  PYTHON_FIRST_STAGE,
  RUN_JS,
  RUN_PYTHON,
} from "./embedded.ts";
import { languageOfPlan, type Plan } from "./plan.ts";

/** Exit statuses of the first stage itself. docs/protocol.md, "Bootstrap". */
export const NO_INTERPRETER = 97;
export const TOO_OLD = 98;
export const CUT_SHORT = 99;

/** @returns what is sent for a plan, before the boot arguments */
export function program(plan: Plan): readonly Uint8Array[] {
  const sent = cores(plan);
  // Both first stages would make the command line too long: the one of JavaScript is sent.
  if (sent.length < 2) return sent;
  const skipping = JS_FIRST_STAGE.replace("p.argv.pop())", `$&.slice(${PYTHON_CORE.length})`);
  return [new TextEncoder().encode(`${skipping}\n`), ...sent];
}

/** @returns the cores that are sent for a plan, in this order: each first stage takes its own */
export function cores(plan: Plan): readonly Uint8Array[] {
  const language = languageOfPlan(plan);
  if (language === undefined) return [PYTHON_CORE, JS_CORE];
  return language === "python" ? [PYTHON_CORE] : [JS_CORE];
}

/**
 * Bun must not install missing packages. Nor must it read the `.env` or the `bunfig.toml` of its
 * working directory, which may name code to run.
 */
const BUN_FLAGS = ["--config=/dev/null", "--no-install", "--no-env-file"] as const;

/**
 * With `--trace-sync-io` in NODE_OPTIONS, the core's own output would be traced, which is output
 * again, without end. Node.js has this flag from 12 on.
 */
export const NODE_FLAG = "--no-trace-sync-io";

/**
 * `-B`: Python writes no `.pyc` files. `-S`: `site` costs a third of the start, so that it is
 * imported only when it is needed.
 */
export function firstStage(plan: Plan): string[] {
  const { kind, path } = plan;
  const sent = cores(plan);
  const total = String(sent.reduce((sum, core) => sum + core.length, 0));
  const python = [PYTHON_FIRST_STAGE, total];
  const javascript = [JS_FIRST_STAGE, total];
  if (kind === "node") {
    return ["sh", "-c", RUN_JS, path ?? "node", NODE_FLAG, "-e", NODE_FIRST_STAGE, total];
  }
  if (kind === "bun") {
    return ["sh", "-c", RUN_JS, path ?? "bun", ...BUN_FLAGS, "-e", BUN_FIRST_STAGE, total];
  }
  if (path !== undefined) return ["sh", "-c", RUN_PYTHON, path, "-BSc", ...python];
  if (sent.length > 1) {
    return ["sh", "-c", FIND_ANY, "sh", PYTHON_FIRST_STAGE, total];
  }
  if (sent[0] === PYTHON_CORE) return ["sh", "-c", FIND_PYTHON, "sh", ...python];
  return ["sh", "-c", FIND_JS, "sh", ...javascript];
}
