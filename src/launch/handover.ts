/** What lets one child serve two connections, one after the other: the first has made it run the other's first stage. Types only. */
import type { EcontextError } from "../errors.ts";
import type { Plan } from "../interpreters/plan.ts";
import type { Child } from "./local-child.ts";

/** A child that another connection has done with: what is written next is read by a first stage. */
export interface Handover {
  readonly child: Child;
  /** Process group of the slave, where that is on this machine. */
  readonly group: number | undefined;
}

/** Brings an interpreter to where there is none. */
export interface Lender {
  /**
   * @param missing why there is no slave yet
   * @throws {EcontextError} why there is none to be had
   */
  lend(missing: EcontextError): Promise<Handover & { readonly plan: Plan }>;
  /** Give up: what `lend` has promised fails with this reason. */
  sever(reason: EcontextError): void;
}
