/**
 * RouteTable: which link leads to each context, and which context each was opened through. The
 * master opens every context, so that it knows the tree; no slave announces a route.
 */
import type { EcontextError } from "../errors.ts";
import { MASTER_ID } from "../protocol/handles.ts";
import type { Edge } from "./edge.ts";
import type { Link } from "./link.ts";

export interface Route {
  /** The link that its frames come over: its own, or that of the first hop on the way to it. */
  readonly link: Link;
  /** Where frames for it go, if not directly to that link. */
  readonly out?: Link;
  /** The pipes on the way to it, behind that link. */
  readonly edges?: readonly Edge[];
  /** The context that it was opened through; `MASTER_ID` if this process started it. */
  readonly parent: number;
  /**
   * Whether it is at the far end of the link, and all else that the link leads to is behind it.
   * Default: whether this process started it.
   */
  readonly hasOwnLink?: boolean;
  /**
   * End this context, and no other that its link leads to: it broke the protocol, or the context
   * that it was opened through has ended. Idempotent.
   */
  close(reason: EcontextError): void;
}

export class RouteTable {
  readonly #routes = new Map<number, Route>();
  readonly #children = new Map<number, Set<number>>();
  /** The context at the far end of each link. */
  readonly #ends = new Map<Link, number>();

  /** Replaces the route of `id`, if there is one. */
  add(id: number, route: Route): void {
    this.#detach(id);
    this.#routes.set(id, route);
    if (hasOwnLink(route)) this.#ends.set(route.link, id);
    if (route.parent === MASTER_ID) return;
    const siblings = this.#children.get(route.parent) ?? new Set();
    this.#children.set(route.parent, siblings.add(id));
  }

  get(id: number): Route | undefined {
    return this.#routes.get(id);
  }

  /** Where frames for context `id` go. */
  outOf(id: number): Link | undefined {
    const route = this.#routes.get(id);
    return route?.out ?? route?.link;
  }

  linkOf(id: number): Link | undefined {
    return this.#routes.get(id)?.link;
  }

  /** Whether messages from context `id` come over this link. */
  isBehind(link: Link, id: number): boolean {
    return this.#routes.get(id)?.link === link;
  }

  /** The context at the far end of a link, which answers for everything that comes over it. */
  endOf(link: Link): number | undefined {
    return this.#ends.get(link);
  }

  /**
   * Removes a context and all that were opened through it.
   *
   * @returns the removed contexts with their routes, leaves first: each stands before the context
   *   that it was opened through
   */
  remove(id: number): readonly (readonly [id: number, route: Route])[] {
    const children = [...(this.#children.get(id) ?? [])];
    const behind = children.flatMap((child) => this.remove(child));
    const route = this.#routes.get(id);
    if (route === undefined) return behind;
    this.#detach(id);
    this.#routes.delete(id);
    return [...behind, [id, route]];
  }

  #detach(id: number): void {
    const route = this.#routes.get(id);
    if (route === undefined) return;
    if (this.#ends.get(route.link) === id) this.#ends.delete(route.link);
    const siblings = this.#children.get(route.parent);
    siblings?.delete(id);
    if (siblings?.size === 0) this.#children.delete(route.parent);
  }
}

export function hasOwnLink(route: Route): boolean {
  return route.hasOwnLink ?? route.parent === MASTER_ID;
}
