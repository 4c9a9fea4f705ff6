/**
 * Lends a Bun to a machine that has Python only: a Python slave takes its bytes into memory, tries it, and becomes it, on the same
 * connection. Nothing is written to a disk there. Twin: stage1/python/tier2/lend.py.
 *
 * States: `surveying`, `sending`, `trying`, `handed over`; each is one call or a row of calls to that slave, so whatever fails there is
 * told as a call's failure is. What becomes of the child afterwards is the affair of the connection that asked.
 */

import type { Context } from "../context/context.ts";
import { BootstrapError, EcontextError } from "../errors.ts";
import { firstStage } from "../interpreters/first-stage.ts";
import type { Plan } from "../interpreters/plan.ts";
import type { Handover, Lender } from "../launch/handover.ts";
import type { Connection } from "../session/connection.ts";
import { FitErrors, type Machine, type Trial } from "./fit.ts";
import { inspectRuntime, piecesOf, type Runtime } from "./runtime.ts";

/** How much has arrived; the last one has `sentBytes` equal to `totalBytes`. */
export interface LendProgress {
  readonly context: string;
  /** Of the program, uncompressed. */
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** A Python slave that is to become something else, and where it is reached. */
export interface Helper {
  readonly connection: Connection;
  readonly context: Context;
}

export interface LendSettings {
  readonly name: string;
  /** The Bun to lend; default: what runs this program. */
  readonly path?: string | undefined;
  /** Start a Python on the same target. */
  readonly help: () => Helper;
  readonly progress: (progress: LendProgress) => void;
}

/** Pieces of a quarter of a megabyte that may be under way: enough for a fast line, no burden for the slave's memory. */
const WINDOW = 16;
/**
 * What the far side calls the program, and the script that starts it for user code
 * (stage1/python/tier2/lend.py).
 */
const RUNTIME = 9;
const WRAPPER = 8;
/** Its own descriptors are not for it. Bun would keep what it has compiled in the user's home. */
const START = 'BUN_BE_BUN=1 BUN_RUNTIME_TRANSPILER_CACHE_PATH=0 exec "$0" "$@" 9<&- 8<&-';

export class BunLender implements Lender {
  readonly #settings: LendSettings;
  readonly #errors: FitErrors;
  #helper: Helper | undefined;
  #severed: EcontextError | undefined;

  constructor(settings: LendSettings) {
    this.#settings = settings;
    this.#errors = new FitErrors(settings.name);
  }

  async lend(missing: EcontextError): Promise<Handover & { readonly plan: Plan }> {
    try {
      const runtime = await inspectRuntime(this.#settings.path ?? process.execPath);
      if (this.#severed !== undefined) throw this.#severed;
      this.#helper = this.#settings.help();
      const pid = await this.#ready(this.#helper, missing);
      await this.#send(this.#helper, runtime);
      return await handOver(this.#helper, pid);
    } catch (error) {
      const reason = error instanceof EcontextError ? error : this.#errors.ofFault(error);
      this.#helper?.connection.sever(reason);
      await this.#helper?.connection.gone;
      throw reason;
    } finally {
      this.#helper = undefined;
    }
  }

  sever(reason: EcontextError): void {
    this.#severed ??= reason;
    this.#helper?.connection.sever(reason);
  }

  /** @returns the slave's process, which will be the other's */
  async #ready({ connection }: Helper, missing: EcontextError): Promise<number> {
    connection.start("python");
    connection.offer([], ["lend", "importer", "values"]);
    try {
      return (await connection.ready).pid;
    } catch (error) {
      if (!(error instanceof BootstrapError) || !error.code.startsWith("ERR_BOOTSTRAP"))
        throw error;
      const [found] = missing.message.split("\n");
      const message = `${found}; and to lend a Bun takes a Python: ${error.message}`;
      throw new BootstrapError(missing.code, message, error.report, { cause: error });
    }
  }

  async #send({ context }: Helper, runtime: Runtime): Promise<void> {
    const errors = this.#errors;
    const machine = (await context.call("econtext.lend:survey", runtime.loader || "/")) as Machine;
    const unfit = errors.ofMachine(runtime, machine);
    if (unfit !== undefined) throw unfit;
    const underWay: Promise<void>[] = [];
    for await (const { chunk, upTo } of piecesOf(runtime.path)) {
      const written = context.call("econtext.lend:write", chunk).then((problem) => {
        if (typeof problem === "number") throw errors.ofWriting(problem);
        this.#tell(Math.min(upTo, runtime.bytes - 1), runtime.bytes);
      });
      written.catch(() => {}); // its turn comes
      underWay.push(written);
      if (underWay.length >= WINDOW) await underWay.shift();
    }
    await Promise.all(underWay);
    const trial = (await context.call("econtext.lend:check")) as Trial;
    const failed = errors.ofTrial(runtime, machine, trial);
    if (failed !== undefined) throw failed;
    this.#tell(runtime.bytes, runtime.bytes);
  }

  #tell(sentBytes: number, totalBytes: number): void {
    this.#settings.progress({ context: this.#settings.name, sentBytes, totalBytes });
  }
}

/** From the answer on nothing may be sent to that slave, and no turn of the event loop may pass before somebody else listens to it. */
async function handOver(
  { connection, context }: Helper,
  pid: number,
): Promise<Handover & { readonly plan: Plan }> {
  const [runtime, wrapper] = [RUNTIME, WRAPPER].map((fd) => `/proc/${pid}/fd/${fd}`);
  const plan: Plan = { wants: "javascript", kind: "bun", path: runtime };
  const [sh = "", c = "", guard = "", program = "", ...rest] = firstStage(plan);
  const e = rest.indexOf("-e") + 1;
  // Its own name is that of a file which is nowhere, and user code's children are no affair of how it was started.
  const prelude = `process.execPath="${wrapper}";delete process.env.BUN_BE_BUN;`;
  const flags = rest.with(e, prelude + rest[e]);
  connection.quiet();
  await context.call("econtext.lend:become", [sh, c, guard, sh, c, START, program, ...flags]);
  const handover = connection.release();
  if (handover === undefined) throw connection.reason() ?? new Error("it is gone");
  return { ...handover, plan };
}
