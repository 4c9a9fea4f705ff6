/**
 * Lends a Bun to a machine that has Python only. A Python slave takes the Bun's bytes into memory,
 * tries the Bun, and becomes it, on the same connection. Nothing is written to a disk there. Twin:
 * stage1/python/tier2/lend.py.
 *
 * Steps: survey, send, try, become. Each of them is one call or a row of calls to that slave, so a
 * failure there is told as a call's failure is. Then the session that asked takes over the child.
 */
import { Context } from "../context/context.ts";
import { BootstrapError, EcontextError, UsageError } from "../errors.ts";
import { firstStage } from "../interpreters/first-stage.ts";
import type { Interpreter } from "../interpreters/kind.ts";
import type { Plan } from "../interpreters/plan.ts";
import type { ChildSession } from "../session/session.ts";
import type { SessionTable } from "../session/session-table.ts";
import type { Borrower, Lender, Lent, SessionSettings } from "../session/settings.ts";
import { FitErrors, type Machine, type Trial } from "./fit.ts";
import { inspectRuntime, piecesOf, type Runtime } from "./runtime.ts";

/** How much has arrived; the last one has `sentBytes` equal to `totalBytes`. */
export interface LendProgress {
  readonly context: string;
  /** Of the program, uncompressed. */
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** Whether a Bun may be lent: `true`, the one that runs this program; or the path of another. */
export type LendOption = boolean | string | undefined;

export interface LendSettings {
  /** The Bun to lend; undefined: the one that runs this program. */
  readonly path: string | undefined;
  /** As of the session that a Bun is lent to: the helper is opened on the same target. */
  readonly target: Omit<SessionSettings, "id" | "interpreter" | "lender">;
  readonly graceMs: number;
  readonly onLend: ((progress: LendProgress) => void) | undefined;
}

/** The Python slave that is to become a Bun. */
interface Helper {
  readonly session: ChildSession;
  readonly context: Context;
}

const PYTHON = { kind: "python" } as const;

/**
 * Pieces of a quarter of a megabyte that may be under way: enough for a fast line, and little
 * memory.
 */
const WINDOW = 16;
/**
 * The slave's descriptors of the program, and of the script that starts it for user code (lend.py).
 */
const RUNTIME = 9;
const WRAPPER = 8;
/**
 * Starts the Bun without the descriptors that it was written to. Without the setting, it would keep
 * compiled code in the user's home.
 */
const START = 'BUN_BE_BUN=1 BUN_RUNTIME_TRANSPILER_CACHE_PATH=0 exec "$0" "$@" 9<&- 8<&-';

/** @throws {UsageError} `ERR_USAGE_KIND`: the interpreter that was asked for is no Bun */
export function checkLend(lend: LendOption, interpreter: Interpreter | undefined): void {
  if (lend === undefined || lend === false) return;
  if (interpreter === undefined || interpreter.kind === "bun") return;
  // A Bun is lent beside the Python that was asked for.
  if (interpreter.kind === "python" && interpreter.path === undefined) return;
  const problem = `a ${interpreter.kind} cannot be lent; leave the kind out, or say bun`;
  throw new UsageError("ERR_USAGE_KIND", problem);
}

/** @returns undefined if nothing is to be lent */
export function lenderFor(
  lend: LendOption,
  sessions: SessionTable,
  settings: Omit<LendSettings, "path">,
): Lender | undefined {
  if (lend === undefined || lend === false) return undefined;
  const path = lend === true || lend === "" ? undefined : lend;
  return new BunLender(sessions, { ...settings, path });
}

class BunLender implements Lender {
  readonly #sessions: SessionTable;
  readonly #settings: LendSettings;
  readonly #errors: FitErrors;
  #helper: Helper | undefined;
  #severed: EcontextError | undefined;

  constructor(sessions: SessionTable, settings: LendSettings) {
    this.#sessions = sessions;
    this.#settings = settings;
    this.#errors = new FitErrors(settings.target.name);
  }

  async lend(missing: EcontextError, borrower: Borrower): Promise<Lent> {
    try {
      const runtime = await inspectRuntime(this.#settings.path ?? process.execPath);
      if (this.#severed !== undefined) throw this.#severed;
      this.#helper = this.#open();
      const pid = await ready(this.#helper, missing);
      await this.#send(this.#helper, runtime, borrower);
      borrower.logs.say("info", "a Bun was lent to it; it is in memory only");
      return await handOver(this.#helper, pid);
    } catch (error) {
      const reason = error instanceof EcontextError ? error : this.#errors.ofFault(error);
      this.#helper?.session.sever(reason);
      await this.#helper?.session.gone;
      throw reason;
    } finally {
      this.#helper = undefined;
    }
  }

  sever(reason: EcontextError): void {
    this.#severed ??= reason;
    this.#helper?.session.sever(reason);
  }

  /** Starts a Python on the same target, as a context that no user sees. */
  #open(): Helper {
    const { target, graceMs } = this.#settings;
    const { router } = this.#sessions;
    const id = router.allocateId();
    const { session } = this.#sessions.open({ ...target, id, interpreter: PYTHON });
    return { session, context: new Context({ id, name: target.name, graceMs }, router, session) };
  }

  async #send({ context }: Helper, runtime: Runtime, borrower: Borrower): Promise<void> {
    const { bytes } = runtime;
    const arrived = (sentBytes: number): void => {
      borrower.progressed();
      const { onLend, target } = this.#settings;
      onLend?.({ context: target.name, sentBytes, totalBytes: bytes });
    };
    const machine = (await context.call("econtext.lend:survey", runtime.loader || "/")) as Machine;
    const unfit = this.#errors.ofMachine(runtime, machine);
    if (unfit !== undefined) throw unfit;
    const underWay: Promise<void>[] = [];
    for await (const { chunk, upTo } of piecesOf(runtime.path)) {
      const written = context.call("econtext.lend:write", chunk).then((problem) => {
        if (typeof problem === "number") throw this.#errors.ofWriting(problem);
        // All bytes count as sent only when the program has been tried.
        arrived(Math.min(upTo, bytes - 1));
      });
      written.catch(() => {}); // awaited below
      underWay.push(written);
      if (underWay.length >= WINDOW) await underWay.shift();
    }
    await Promise.all(underWay);
    const trial = (await context.call("econtext.lend:check")) as Trial;
    const failed = this.#errors.ofTrial(runtime, machine, trial);
    if (failed !== undefined) throw failed;
    arrived(bytes);
  }
}

/** @returns the process of the slave, which will be that of the Bun */
async function ready({ session }: Helper, missing: EcontextError): Promise<number> {
  session.start("python");
  session.offer([], ["lend", "importer", "values"]);
  try {
    return (await session.ready).pid;
  } catch (error) {
    if (!(error instanceof BootstrapError) || !error.code.startsWith("ERR_BOOTSTRAP")) throw error;
    const [found] = missing.message.split("\n");
    const message = `${found}; and to lend a Bun takes a Python: ${error.message}`;
    throw new BootstrapError(missing.code, message, error.report, { cause: error });
  }
}

/**
 * After the answer nothing may be sent to that slave, and the child must have another listener
 * before the next turn of the event loop.
 */
async function handOver({ session, context }: Helper, pid: number): Promise<Lent> {
  const [runtime, wrapper] = [RUNTIME, WRAPPER].map((fd) => `/proc/${pid}/fd/${fd}`);
  const plan: Plan = { wants: "javascript", kind: "bun", path: runtime };
  const [sh = "", c = "", guard = "", program = "", ...rest] = firstStage(plan);
  const e = rest.indexOf("-e") + 1;
  // The path of the running program leads to no file that user code could start. The wrapper does.
  // How the Bun itself was started must not be inherited by children of user code.
  const prelude = `process.execPath="${wrapper}";delete process.env.BUN_BE_BUN;`;
  const flags = rest.with(e, prelude + rest[e]);
  session.quiet();
  await context.call("econtext.lend:become", [sh, c, guard, sh, c, START, program, ...flags]);
  const launched = session.release();
  if (launched === undefined) throw session.reason() ?? new Error("the helper has ended");
  return { plan, launched };
}
