/**
 * Router: delivers a message to a handle of this process, and sends one to the link that leads to
 * its destination. Enforces which context may say what: the master trusts no slave. No I/O of its
 * own.
 *
 * Spec: docs/protocol.md, "Who may say what".
 * Twins: `deliver` in stage1/python/core/stream.py and stage1/javascript/core/main.js.
 */

import { DisconnectError, type EcontextError, ProtocolError } from "../errors.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { FIRST_FREE_HANDLE, MASTER_ID } from "../protocol/handles.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";
import { encodeValue } from "../protocol/value.ts";
import type { Edge } from "./edge.ts";
import { alreadySent, type Lane, type Link, type Withdraw } from "./link.ts";
import { hasOwnLink, type Route, RouteTable } from "./route-table.ts";

export interface Receiver {
  /** May throw a ProtocolError: the context that sent the message is ended. */
  receive(message: Message): void;
  /** The context that was to send here is gone, and why. */
  dead?(reason: EcontextError): void;
}

/**
 * Hears of each message that was dropped, up to the limit.
 *
 * @param strikes messages of this context that were dropped so far, with this one
 */
export type Report = (context: number, problem: string, strikes: number) => void;

export interface Destination {
  readonly dst: number;
  readonly handle: number;
  readonly reply?: number;
  readonly flags?: number;
}

/** What the router keeps for one context until that is removed. */
interface Endpoint {
  /** Handles of this process that only this context may send to. */
  readonly handles: Map<number, Receiver>;
  /** Messages of the context that were dropped. */
  strikes: number;
  /** When a message last came from the context, if it has no link of its own. */
  heardAt: number;
  /** What waits until hops know the context; undefined as soon as they do. */
  unannounced: (() => void)[] | undefined;
}

export class Router {
  readonly #limits: Limits;
  readonly #report: Report;
  readonly #routes = new RouteTable();
  readonly #endpoints = new Map<number, Endpoint>();
  /** Well-known handles, which every context may use. */
  readonly #listeners = new Map<number, Receiver>();
  /**
   * Why contexts are gone. Held weakly: a session keeps its own reason, and when the session was
   * collected, no code is left that could wait for its context.
   */
  readonly #reasons = new Map<number, WeakRef<EcontextError>>();
  readonly #collected = new FinalizationRegistry<number>((id) => this.#reasons.delete(id));
  #nextHandle = FIRST_FREE_HANDLE;
  #nextId = MASTER_ID + 1;

  constructor(report: Report, limits: Limits = LIMITS) {
    this.#report = report;
    this.#limits = limits;
  }

  /** @returns a context id that was never used */
  allocateId(): number {
    const id = this.#nextId++;
    this.#endpoints.set(id, emptyEndpoint());
    return id;
  }

  /** Frames for a context go this way from now on; messages from it come over this link alone. */
  addRoute(context: number, route: Route): void {
    this.#routes.add(context, route);
    if (!this.#endpoints.has(context)) this.#endpoints.set(context, emptyEndpoint());
  }

  /** The hops on the way to a context have been told of it. */
  announce(context: number): void {
    const endpoint = this.#endpoints.get(context);
    const waiting = endpoint?.unannounced ?? [];
    if (endpoint !== undefined) endpoint.unannounced = undefined;
    for (const then of waiting) then();
  }

  /** Calls `then` as soon as the hops on the way know the context; at once, if they do already. */
  whenAnnounced(context: number, then: () => void): void {
    const endpoint = this.#endpoints.get(context);
    if (endpoint?.unannounced !== undefined) endpoint.unannounced.push(then);
    else if (endpoint !== undefined) then();
  }

  /** @returns the link that leads to a context; undefined if there is none */
  linkOf(context: number): Link | undefined {
    return this.#routes.linkOf(context);
  }

  /** @returns where frames for a context go; undefined if there is no way */
  outOf(context: number): Link | undefined {
    return this.#routes.outOf(context);
  }

  /** @returns the pipes on the way to a context, behind its link */
  edgesOf(context: number): readonly Edge[] {
    return this.#routes.get(context)?.edges ?? [];
  }

  /** Whether messages from this context come over this link. */
  isBehind(link: Link, context: number): boolean {
    return this.#routes.isBehind(link, context);
  }

  /** When a context was last heard, on the clock of `performance.now`; 0 if it never was. */
  heardAt(context: number): number {
    const route = this.#routes.get(context);
    // Every byte of its own stream shows that it lives.
    if (route !== undefined && hasOwnLink(route)) return route.link.heardAt;
    return this.#endpoints.get(context)?.heardAt ?? 0;
  }

  /**
   * A context is gone, and with it all that were opened through it. Whatever waits for one of them
   * is told the reason. Idempotent.
   */
  remove(context: number, reason: EcontextError): void {
    for (const [id, route] of this.#routes.remove(context)) {
      (route.out ?? route.link).forget(id);
      this.#tell(id, reason);
      if (id !== context) route.close(reason);
    }
    // A context that was never started has no route.
    this.#tell(context, reason);
  }

  /** A context broke the protocol: end that one. */
  fault(context: number, error: ProtocolError): void {
    this.#routes.get(context)?.close(error);
  }

  /** Listen on a well-known handle, to every context. */
  listen(handle: number, receive: (message: Message) => void): void {
    this.#listeners.set(handle, { receive });
  }

  /**
   * @returns a new handle that only `context` may send to, until `forget` or the end of the context
   */
  expect(context: number, receiver: Receiver): number {
    const handles = this.#endpoints.get(context)?.handles;
    let handle = this.#nextHandle;
    // Handles are u32. When they wrap around, most of the first ones are free again.
    while (handles?.has(handle)) handle = after(handle);
    this.#nextHandle = after(handle);
    if (handles !== undefined) handles.set(handle, receiver);
    else queueMicrotask(() => receiver.dead?.(this.#reasonOf(context)));
    return handle;
  }

  forget(context: number, handle: number): void {
    this.#endpoints.get(context)?.handles.delete(handle);
  }

  /** @returns how many handles wait for a message from `context` */
  pending(context: number): number {
    return this.#endpoints.get(context)?.handles.size ?? 0;
  }

  /** How many contexts that ended are remembered, with the reason why. */
  get remembered(): number {
    return this.#reasons.size;
  }

  /** Send from the master. A message for a context that is gone is dropped. */
  send(to: Destination, body: readonly Chunk[], lane?: Lane): Withdraw {
    const { dst, handle, reply = 0, flags = 0 } = to;
    const envelope = { dst, src: MASTER_ID, auth: MASTER_ID, handle, reply, flags };
    return this.#routes.outOf(dst)?.send(envelope, body, lane) ?? alreadySent;
  }

  /** Write at once what was sent to a context in this turn of the event loop. */
  flush(dst: number): void {
    this.#routes.outOf(dst)?.flush?.();
  }

  /** Take a message that came in over this link. */
  deliver(link: Link, message: Message): void {
    const { src, handle, reply, flags } = message;
    const endpoint = this.#endpoints.get(src);
    const route = this.#routes.get(src);
    if (endpoint === undefined || route?.link !== link) {
      // Messages of a context that has ended may still be on their way.
      if (endpoint === undefined && src > MASTER_ID && src < this.#nextId) return;
      const end = this.#routes.endOf(link);
      if (end !== undefined) this.strike(end, `a message in the name of context ${src}`);
      return;
    }
    if (!hasOwnLink(route)) endpoint.heardAt = performance.now();
    const problem = refusal(message);
    if (problem !== undefined) {
      this.strike(src, problem);
      return;
    }
    const receiver = endpoint.handles.get(handle) ?? this.#listeners.get(handle);
    if (receiver === undefined) {
      if (reply !== 0 && (flags & FLAGS.DEAD) === 0) {
        const { chunks } = encodeValue("no such handle");
        this.send({ dst: src, handle: reply, flags: FLAGS.DEAD }, chunks);
      }
      this.strike(src, `a message for handle ${handle}, which it may not use`);
      return;
    }
    try {
      receiver.receive(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fault(src, error);
    }
  }

  #tell(context: number, reason: EcontextError): void {
    const endpoint = this.#endpoints.get(context);
    if (endpoint === undefined) return;
    this.#endpoints.delete(context);
    this.#reasons.set(context, new WeakRef(reason));
    this.#collected.register(reason, context);
    for (const receiver of endpoint.handles.values()) receiver.dead?.(reason);
  }

  #reasonOf(context: number): EcontextError {
    const message = `context ${context} has ended\n  try: connect again`;
    return (
      this.#reasons.get(context)?.deref() ?? new DisconnectError("ERR_DISCONNECT_CLOSED", message)
    );
  }

  /** A message of this context was dropped: too many end it. */
  strike(context: number, problem: string): void {
    const endpoint = this.#endpoints.get(context);
    if (endpoint === undefined) return;
    const strikes = ++endpoint.strikes;
    this.#report(context, problem, strikes);
    if (strikes < this.#limits.maxStrikes) return;
    const message = `${strikes} messages were dropped, the last was ${problem}`;
    this.fault(context, new ProtocolError("ERR_PROTOCOL_STRIKES", message));
  }
}

/** @returns what a slave may not say; undefined if the message is allowed */
function refusal({ src, auth, dst, flags }: Message): string | undefined {
  if (auth !== src) return `a message with the authority of context ${auth}`;
  if (dst !== MASTER_ID) return `a message for context ${dst}`;
  if (flags & FLAGS.DEFLATE) return "a compressed message";
  return undefined;
}

function emptyEndpoint(): Endpoint {
  return { handles: new Map(), strikes: 0, heardAt: 0, unannounced: [] };
}

function after(handle: number): number {
  return handle >= 0xffffffff ? FIRST_FREE_HANDLE : handle + 1;
}
