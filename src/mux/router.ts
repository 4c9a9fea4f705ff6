/**
 * Router: delivers a message to a handle of this process, and sends one to the stream that leads to its destination. Enforces who may
 * say what: the master trusts no slave. No I/O of its own.
 *
 * Spec: docs/protocol.md, "Who may say what".
 * Twins: `deliver` in stage1/python/core.py and stage1/javascript/core.js.
 */

import { type EcontextError, ProtocolError } from "../errors.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import { type Envelope, FLAGS, type Message } from "../protocol/frame.ts";
import { FIRST_FREE_HANDLE, MASTER_ID } from "../protocol/handles.ts";
import { LIMITS, type Limits } from "../protocol/limits.ts";
import { encodeValue } from "../protocol/value.ts";
import type { Lane } from "./stream.ts";

/** What the router needs of a stream. */
export interface Link {
  send(envelope: Envelope, body: readonly Chunk[], lane?: Lane): Withdraw;
  close(error: ProtocolError): void;
}

/** Takes a message back, if no byte of it was sent; else says how far it came. */
export type Withdraw = () => "withdrawn" | "begun" | "sent";

export interface Receiver {
  /** May throw a ProtocolError: the stream that the message came from ends. */
  receive(message: Message): void;
  /** The context that was to send here is gone, and why. */
  dead?(reason: EcontextError): void;
}

export class Router {
  readonly #limits: Limits;
  readonly #links = new Map<number, Link>();
  readonly #strikes = new Map<number, number>();
  /** Well-known handles, which every context may use. */
  readonly #listeners = new Map<number, Receiver>();
  /** For each context the handles that only it may use: all are told when it is gone. */
  readonly #expected = new Map<number, Map<number, Receiver>>();
  /** Contexts that are gone, and why: who waits for one hears it at once. */
  readonly #gone = new Map<number, EcontextError>();
  readonly #report: (context: number, problem: string) => void;
  #nextHandle = FIRST_FREE_HANDLE;
  #nextId = MASTER_ID + 1;

  /** @param report is told of every message that was dropped, up to the limit */
  constructor(report: (context: number, problem: string) => void, limits: Limits = LIMITS) {
    this.#report = report;
    this.#limits = limits;
  }

  /** A context id that was never used. */
  allocateId(): number {
    return this.#nextId++;
  }

  addRoute(context: number, link: Link): void {
    this.#links.set(context, link);
    this.#gone.delete(context);
  }

  /** The link that leads to a context; undefined if there is none. */
  linkOf(context: number): Link | undefined {
    return this.#links.get(context);
  }

  /** The context is gone: everyone who waits for it is told why. */
  removeRoute(context: number, reason: EcontextError): void {
    this.#links.delete(context);
    this.#strikes.delete(context);
    this.#gone.set(context, reason);
    const receivers = this.#expected.get(context)?.values() ?? [];
    this.#expected.delete(context);
    for (const receiver of receivers) receiver.dead?.(reason);
  }

  /** Listen on a well-known handle, to every context. */
  listen(handle: number, receive: (message: Message) => void): void {
    this.#listeners.set(handle, { receive });
  }

  /** A new handle that only `context` may send to. It lasts until `forget`, or until the context is gone. */
  expect(context: number, receiver: Receiver): number {
    let expected = this.#expected.get(context);
    if (expected === undefined) {
      expected = new Map();
      this.#expected.set(context, expected);
    }
    let handle = this.#nextHandle;
    // Handles are u32; a session that wraps around has long answered the first.
    while (expected.has(handle)) handle = after(handle);
    this.#nextHandle = after(handle);
    const reason = this.#gone.get(context);
    if (reason === undefined) expected.set(handle, receiver);
    else queueMicrotask(() => receiver.dead?.(reason));
    return handle;
  }

  forget(context: number, handle: number): void {
    this.#expected.get(context)?.delete(handle);
  }

  /** Handles that wait for a message from `context`. */
  pending(context: number): number {
    return this.#expected.get(context)?.size ?? 0;
  }

  /** Send from the master. Lost without a word when the destination is gone: its handles are dead already. */
  send(
    to: {
      readonly dst: number;
      readonly handle: number;
      readonly reply?: number;
      readonly flags?: number;
    },
    body: readonly Chunk[],
    lane?: Lane,
  ): Withdraw {
    const { dst, handle, reply = 0, flags = 0 } = to;
    const envelope = { dst, src: MASTER_ID, auth: MASTER_ID, handle, reply, flags };
    return this.#links.get(dst)?.send(envelope, body, lane) ?? (() => "sent");
  }

  /** Take a message that came in on the stream that leads to `context`. */
  deliver(context: number, message: Message): void {
    const problem = this.#refuse(context, message);
    if (problem !== undefined) {
      this.#strike(context, problem);
      return;
    }
    const { handle } = message;
    const receiver = this.#expected.get(context)?.get(handle) ?? this.#listeners.get(handle);
    if (receiver === undefined) {
      if (message.reply !== 0 && (message.flags & FLAGS.DEAD) === 0) {
        const { chunks } = encodeValue("no such handle");
        this.send({ dst: context, handle: message.reply, flags: FLAGS.DEAD }, chunks);
      }
      this.#strike(context, `a message for handle ${handle}, which it may not use`);
      return;
    }
    try {
      receiver.receive(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#links.get(context)?.close(error);
    }
  }

  #refuse(context: number, message: Message): string | undefined {
    if (message.src !== context) return `a message in the name of context ${message.src}`;
    if (message.auth !== context) return `a message with the authority of context ${message.auth}`;
    if (message.dst !== MASTER_ID) return `a message for context ${message.dst}`;
    if (message.flags & FLAGS.DEFLATE) return "a compressed message";
    return undefined;
  }

  #strike(context: number, problem: string): void {
    const strikes = (this.#strikes.get(context) ?? 0) + 1;
    this.#strikes.set(context, strikes);
    this.#report(context, problem);
    if (strikes >= this.#limits.maxStrikes) {
      const error = new ProtocolError(
        "ERR_PROTOCOL_STRIKES",
        `${strikes} messages were dropped, the last was ${problem}`,
      );
      this.#links.get(context)?.close(error);
    }
  }
}

function after(handle: number): number {
  return handle >= 0xffffffff ? FIRST_FREE_HANDLE : handle + 1;
}
