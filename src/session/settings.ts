/**
 * Settings of a session, and the interfaces of an attempt and a lender: it may bring another child.
 * Types only.
 */
import type { EcontextError } from "../errors.ts";
import type { Interpreter } from "../interpreters/kind.ts";
import type { Plan } from "../interpreters/plan.ts";
import type { Hop } from "../launch/hop.ts";
import type { Launched } from "../launch/launcher.ts";
import type { LogReceiver } from "../logs/log-receiver.ts";
import type { Unpacking } from "../modules/unpack-list.ts";
import type { Prompter } from "../prompts/prompter.ts";
import type { Transport } from "../transports/transport.ts";

export interface SessionSettings {
  readonly id: number;
  readonly name: string;
  /** How errors of connecting name it: `web1`, `bastion: web1`. */
  readonly place: string;
  readonly transport: Transport;
  /** The hop that starts the child; undefined: this process does. */
  readonly via?: Hop | undefined;
  /** Undefined: the first call starts one that can do the call. */
  readonly interpreter: Interpreter | undefined;
  /** What `ps` shows of the slave. */
  readonly argv0: string;
  /** The lowest level of log records that the slave sends. */
  readonly level: number;
  /** Milliseconds from the start to the slave's answer. */
  readonly connectMs: number;
  /** Whether `connectMs` includes lending. If not, it begins anew with each piece that arrives. */
  readonly isConnectTotal: boolean;
  /** Milliseconds of silence after which both ends give up a remote session; 0: never. */
  readonly leaseMs: number;
  /** Packages that are made real files on the remote machine. */
  readonly unpacking: Unpacking;
  /** Answers the questions of programs on the way. Without it, there is no answer. */
  readonly prompter?: Prompter | undefined;
  /** Brings a runtime to a target that has no JavaScript. */
  readonly lender?: Lender | undefined;
  /** @returns the reason for the session's end, in words that its calls understand */
  readonly reworded?: (reason: EcontextError) => EcontextError;
}

/** What an attempt lets its dialogue do. */
export interface AttemptControl {
  readonly launched: Launched;
  /** @returns why the program would have ended, if it had failed with what it has printed */
  explain(): EcontextError;
  /** Ends the attempt. */
  fail(reason: EcontextError): void;
}

/** Brings an interpreter to a target that has none. */
export interface Lender {
  /**
   * @param missing why the session has no slave yet
   * @throws {EcontextError} why no interpreter could be brought
   */
  lend(missing: EcontextError, borrower: Borrower): Promise<Lent>;
  /** Gives up: the promise of `lend` is rejected with this reason. */
  sever(reason: EcontextError): void;
}

/** The session that an interpreter is brought to, as the lender sees it. */
export interface Borrower {
  readonly logs: LogReceiver;
  /** Part of the interpreter has arrived. */
  progressed(): void;
}

/** A child of the lender's, which now runs the first stage of `plan`. */
export interface Lent {
  readonly plan: Plan;
  readonly launched: Launched;
}
