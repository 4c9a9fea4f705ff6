/**
 * Hop: a slave that carries children, as the master sees it. Sends orders to the hop's switch: the
 * part of it that starts programs and passes frames on, on the thread that reads the stream.
 *
 * Spec: docs/protocol.md, "The switch".
 * Twins: stage1/python/switch, stage1/javascript/switch.
 */
import { deflateSync } from "node:zlib";
import type { EcontextError } from "../errors.ts";
import { JS_SWITCH, PYTHON_SWITCH } from "../interpreters/embedded.ts";
import type { Language, Wants } from "../interpreters/kind.ts";
import type { MeetingPlace } from "../mux/context-link.ts";
import type { Edge } from "../mux/edge.ts";
import type { Link } from "../mux/link.ts";
import type { Router } from "../mux/router.ts";
import { HANDLES, MASTER_ID, SWITCH, SWITCH_BIT } from "../protocol/handles.ts";
import { encodeValue } from "../protocol/value.ts";
import { Depot } from "./depot.ts";

/** What a hop needs of its own session. */
export interface HopSession {
  readonly ready: Promise<unknown>;
  start(wants: Wants): void;
  language(): Language | undefined;
  isReady(): boolean;
  /** When it was last waiting for the answer to a question, on `performance.now`. */
  lastAsked(): number;
  reason(): EcontextError | undefined;
  sever(reason: EcontextError): void;
}

export interface HopPlace {
  readonly id: number;
  readonly name: string;
  /** How errors of opening it name it: `bastion: web1`. */
  readonly place: string;
  /** The hops before this one, the first one first. */
  readonly above: readonly Hop[];
}

/** What is sent of a message: bytes, or the key of bytes that the first hop keeps. */
export type SharedParts = readonly (Uint8Array | string)[];

export class Hop implements MeetingPlace {
  readonly id: number;
  readonly name: string;
  readonly place: string;
  readonly above: readonly Hop[];
  readonly router: Router;
  readonly #session: HopSession;
  readonly #depot: Depot;
  #isInstalled = false;

  constructor(place: HopPlace, router: Router, session: HopSession) {
    this.id = place.id;
    this.name = place.name;
    this.place = place.place;
    this.above = place.above;
    this.router = router;
    this.#session = session;
    this.#depot = place.above[0]?.depot ?? new Depot();
  }

  /** What the first hop on the way keeps. */
  get depot(): Depot {
    return this.#depot;
  }

  /** The pipes of the hops above that lead to this one. */
  get edges(): readonly Edge[] {
    return this.router.edgesOf(this.id);
  }

  /** Where frames from the hop, and from all that is behind it, come in. */
  get link(): Link | undefined {
    return this.router.linkOf(this.id);
  }

  /**
   * Starts the hop, and has its switch installed.
   *
   * @param first what the order that follows starts, if it is a plain program: it boots while the
   *   switch is compiled
   * @returns undefined: orders can be sent at once; else they have to wait until then
   */
  open(first?: readonly string[]): Promise<void> | undefined {
    this.#session.start("any");
    const before = this.above.at(-1)?.open();
    const isKnown = this.#session.language() !== undefined || this.#session.reason() !== undefined;
    if (before !== undefined || !isKnown) {
      return Promise.all([before, isKnown || this.#session.ready]).then(() => this.#install());
    }
    this.#install(first);
    return undefined;
  }

  /** Why the hop cannot carry anything any more. */
  reason(): EcontextError | undefined {
    return this.#session.reason();
  }

  /** @returns the first hop on the way that has not answered yet; undefined if all have */
  silent(): Hop | undefined {
    return [...this.above, this].find((hop) => !hop.#session.isReady());
  }

  /** When this hop, or one before it, was last waiting for the answer to a question. */
  lastAsked(): number {
    return Math.max(...[...this.above, this].map((hop) => hop.#session.lastAsked()));
  }

  /** Whether something came from the hop, or from behind it if it is the first, since `ms` ago. */
  isHeard(now: number, ms: number): boolean {
    return now - this.router.heardAt(this.id) <= ms;
  }

  /** Ends the hop by force, and with it all that is behind it. */
  sever(reason: EcontextError): void {
    this.#session.sever(reason);
  }

  /**
   * Sends an order to the switch. It overtakes what waits for contexts behind the hop. Bytes that
   * the first hop keeps do not cross its link again.
   *
   * @param behind it waits, instead, behind what waits for this context
   */
  order(operation: number, value: unknown, reply = 0, behind?: number): void {
    const { chunks } = encodeValue(value);
    const address = this.id + SWITCH_BIT;
    if (behind !== undefined) {
      const envelope = { src: MASTER_ID, auth: MASTER_ID, flags: 0, reply };
      const order = { ...envelope, dst: address, handle: operation };
      this.link?.send(order, chunks, "bulk", { queue: behind, weight: 0 });
      return;
    }
    const isKept = operation !== SWITCH.KEEP && operation !== SWITCH.WRITE;
    // The head of an order is like no other.
    const [head, ...parts] = chunks as [Uint8Array, ...Uint8Array[]];
    const shared = isKept ? this.share(parts) : undefined;
    this.#send(operation, chunks, reply, shared && [head, ...shared]);
  }

  /**
   * One queue, that of the first hop's switch, holds the orders for all hops of a link: each comes
   * after those that were given before it, whichever hop they are for.
   */
  #send(handle: number, chunks: readonly Uint8Array[], reply: number, shared?: SharedParts): void {
    const [first = this] = this.above;
    const passage = { queue: first.id + SWITCH_BIT, weight: 0 };
    const envelope = { src: MASTER_ID, auth: MASTER_ID, flags: 0 };
    const dst = this.id + SWITCH_BIT;
    if (shared === undefined) {
      this.link?.send({ ...envelope, dst, handle, reply }, chunks, "control", passage);
      return;
    }
    const order = { ...envelope, dst: passage.queue, handle: SWITCH.FORWARD, reply: 0 };
    const forward = encodeValue([dst, handle, reply, 0, shared]).chunks;
    this.link?.send(order, forward, "control", passage);
  }

  /**
   * Replaces large parts by keys of what the first hop keeps, and has it keep what is new.
   *
   * @returns undefined if no part is worth it
   */
  share(parts: readonly Uint8Array[]): SharedParts | undefined {
    const [first = this] = this.above;
    let isShared = false;
    const shared = parts.map((part) => {
      const kept = this.#depot.keep(part);
      if (kept === undefined) return part;
      isShared = true;
      if (kept.isNew) first.order(SWITCH.KEEP, [kept.key, part]);
      return kept.key;
    });
    return isShared ? shared : undefined;
  }

  /** Puts the program of the switch into the hop, once. */
  #install(first?: readonly string[]): void {
    if (this.#isInstalled || this.#session.reason() !== undefined) return;
    this.#isInstalled = true;
    const { router, id } = this;
    const address = id + SWITCH_BIT;
    const link = router.linkOf(id);
    if (link === undefined) return;
    const close = (): void => {};
    router.addRoute(address, { link, out: router.outOf(id) ?? link, parent: id, close });
    link.limit(address, this.edges);
    const program = [switchProgram(this.#session.language(), first)];
    // The first hop keeps nothing until it has its program.
    const isFirst = this.above.length === 0;
    this.#send(HANDLES.BOOT, program, 0, isFirst ? undefined : this.share(program));
  }
}

/** Programs by what they start first: there is one for each way to start a child. */
const programs = new Map<string, Uint8Array>();
const MAX_PROGRAMS = 50;
/** Text that is the same in the notation of JSON and of every Python. */
const PLAIN = /^[\n -~]*$/;

/** @param first what the order that follows starts, if it is known to be a plain program */
export function switchProgram(
  language: Language = "python",
  first: readonly string[] = [],
): Uint8Array {
  if (language === "javascript") return JS_SWITCH;
  const words = JSON.stringify(first.every((word) => PLAIN.test(word)) ? first : []);
  const program = programs.get(words) ?? deflateSync(`FIRST = ${words}\n${PYTHON_SWITCH}`);
  if (programs.size >= MAX_PROGRAMS) programs.clear();
  programs.set(words, program);
  return program;
}
