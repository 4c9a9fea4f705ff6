/** ContextLink: what calls and channels need to know of the context that they belong to. */
import type { Router } from "./router.ts";

/** One object for each context, made by `Context` and shared by everything that speaks for it. */
export interface ContextLink {
  readonly id: number;
  /** How errors name the context. */
  readonly name: string;
  readonly router: Router;
  /** @returns a slave's error text with the positions of the user's own source */
  mapStack(text: string): string;
}
