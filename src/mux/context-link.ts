/** ContextLink: what calls and channels need to know of the context that they belong to. */
import type { Router } from "./router.ts";

/** A hop that two contexts are behind, or that one of them is. */
export interface MeetingPlace {
  readonly id: number;
  /**
   * Gives an order to the hop.
   *
   * @param behind the order stands in the queue of this context
   */
  order(operation: number, value: unknown, reply?: number, behind?: number): void;
}

/** One object for each context, made by `Context` and shared by everything that speaks for it. */
export interface ContextLink {
  readonly id: number;
  /** How errors name the context. */
  readonly name: string;
  readonly router: Router;
  /** @returns a slave's error text with the positions of the user's own source */
  mapStack(text: string): string;
  /** @returns the last hop that both this context and another are behind, or are */
  readonly meet?: ((other: number) => MeetingPlace | undefined) | undefined;
}
