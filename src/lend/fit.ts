/**
 * Whether a machine can run the Bun that would be lent to it; if not, the error that says why.
 * Pure: the facts come from stage1/python/tier2/lend.py.
 */
import { BootstrapError, type BootstrapReport } from "../errors.ts";
import { neutralise } from "../text.ts";
import { amount } from "../units/amount.ts";
import type { Runtime } from "./runtime.ts";

/** What `econtext.lend:survey` returns about a machine. */
export interface Machine {
  readonly system: string;
  readonly machine: string;
  /** Whether the machine has the dynamic linker that the program asks for. */
  readonly loader: boolean;
  readonly free: number | null;
  /** Whether /proc is mounted. A file in memory has a name only there. */
  readonly proc: boolean;
  /** Why the machine cannot make a file in memory; null if it can. */
  readonly refused: string | null;
}

/**
 * What `econtext.lend:check` returns about the program: the number of a system error, or the exit
 * status and the output of its `--version`.
 */
export type Trial = readonly [problem: number | null, status: number | null, said: string];

/** Bytes of memory that a Bun needs besides its own to start at all. */
const WORK_BYTES = 48e6;
const ENOENT = 2;
const ENOEXEC = 8;
const ENOMEM = 12;
const ENOSPC = 28;
const SIGILL = 4;

export class FitErrors {
  readonly #name: string;

  /** @param name of the context */
  constructor(name: string) {
    this.#name = name;
  }

  /** @returns why the program cannot run there, as far as that is known before a byte is sent */
  ofMachine(runtime: Runtime, it: Machine): BootstrapError | undefined {
    if (runtime.system !== it.system || runtime.machine !== it.machine || !it.loader) {
      return this.#platform(runtime, it, "");
    }
    if (!it.proc) {
      return this.#error(
        "ERR_LEND_REFUSED",
        "a program in memory is run by way of /proc, which is not mounted there",
        "mount /proc there, or install Bun or Node.js",
      );
    }
    if (it.refused !== null) return this.#memoryFile(it.refused);
    const needed = runtime.bytes + WORK_BYTES;
    if (it.free !== null && it.free < needed) {
      const has = `it has ${amount(it.free)} of memory left`;
      return this.#memory(`${has}; ${amount(needed)} are needed`);
    }
    return undefined;
  }

  /** @param problem the number of a system error, from writing the program */
  ofWriting(problem: number): BootstrapError {
    const isMemory = problem === ENOMEM || problem === ENOSPC;
    if (isMemory) return this.#memory("its memory is full");
    return this.#failed(`the program could not be written (error ${problem})`, "");
  }

  /** @returns why the program did not run when it was tried; undefined if it did */
  ofTrial(runtime: Runtime, it: Machine, trial: Trial): BootstrapError | undefined {
    const [problem, status, said] = trial;
    if (status === 0) return undefined;
    if (problem === ENOENT || problem === ENOEXEC) return this.#platform(runtime, it, "");
    if (problem !== null) return this.#memoryFile(`error ${problem} when it was to be executed`);
    if (status === -SIGILL) {
      return this.#platform(runtime, it, "its processor lacks instructions that this Bun uses");
    }
    if (/version `?[A-Z]+_|not found|symbol/.test(said)) return this.#platform(runtime, it, said);
    return this.#failed(`the program ended with status ${status}`, said);
  }

  /** @param error any other fault, as an error of reading the program's file */
  ofFault(error: unknown): BootstrapError {
    return this.#failed(error instanceof Error ? error.message : String(error), "");
  }

  #platform(runtime: Runtime, it: Machine, why: string): BootstrapError {
    const theirs = `${it.system} ${it.machine}`;
    const ours =
      runtime.system === ""
        ? "a program of another system"
        : `${runtime.system} ${runtime.machine}`;
    const linker = it.loader || runtime.loader === "" ? "" : ` (it has no ${runtime.loader})`;
    const more = why === "" ? "" : `: ${why.trim()}`;
    return this.#error(
      "ERR_LEND_PLATFORM",
      `the Bun at hand is for ${ours}, and does not run on its ${theirs}${linker}${more}`,
      "install Bun or Node.js there, or name a Bun for that platform: lend: PATH",
      why,
    );
  }

  #memory(what: string): BootstrapError {
    return this.#error(
      "ERR_LEND_MEMORY",
      `no room for a Bun: ${what}`,
      "free some, or install Bun or Node.js there",
    );
  }

  #memoryFile(what: string): BootstrapError {
    return this.#error(
      "ERR_LEND_REFUSED",
      `the system does not let a program be run from memory: ${what}`,
      "see vm.memfd_noexec of sysctl and what confines the process, or " +
        "install Bun or Node.js there",
    );
  }

  #failed(what: string, said: string): BootstrapError {
    return this.#error("ERR_LEND_FAILED", what, "install Bun or Node.js there", said);
  }

  #error(code: string, what: string, hint: string, said = ""): BootstrapError {
    const report: BootstrapReport = {
      argv: [],
      phase: "lending a Bun",
      said: neutralise(said.trim()),
    };
    const message = neutralise(`${this.#name}: ${what}`);
    const heard = report.said === "" ? "" : `\n  it said: ${report.said}`;
    return new BootstrapError(code, `${message}${heard}\n  try: ${hint}`, report);
  }
}
