/**
 * Hop: a slave that carries children, as the master sees it. Sends orders to the hop's switch: the
 * part of it that starts programs and passes frames on, on the thread that reads the stream.
 *
 * Spec: docs/protocol.md, "The switch".
 * Twins: stage1/python/switch, stage1/javascript/switch.
 */
import type { EcontextError } from "../errors.ts";
import { JS_SWITCH, PYTHON_SWITCH } from "../interpreters/embedded.ts";
import type { Language, Wants } from "../interpreters/kind.ts";
import type { SwitchPrograms } from "../interpreters/switch-programs.ts";
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
  /** The cores that its child has read before its boot arguments, in this order. */
  cores(): readonly Uint8Array[];
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
  /** The hops before this one that carry its frames, the first one first. */
  readonly above: readonly Hop[];
  /**
   * All hops before this one. They are more than `above` if its frames go over a connection of this
   * process that another hop has made. Default: `above`.
   */
  readonly way?: readonly Hop[];
}

/** What the first program of a switch can do. */
const EARLY_ORDERS: ReadonlySet<number> = new Set([SWITCH.START, SWITCH.KEEP]);

/** Where bytes are in the cores that a hop was started with, and how many they are. */
type Place = readonly [at: number, length: number];
/** What is sent of a message: bytes, or what says where the first hop has them. */
export type SharedParts = readonly (Uint8Array | string | Place)[];

export class Hop implements MeetingPlace {
  readonly id: number;
  readonly name: string;
  readonly place: string;
  readonly way: readonly Hop[];
  readonly above: readonly Hop[];
  readonly router: Router;
  readonly #session: HopSession;
  readonly #depot: Depot;
  #isInstalled = false;
  /** The programs of the switch that are still to be sent. */
  #programs: readonly Uint8Array[] = [];
  /** Programs that are sent before the first CONNECT. */
  #forConnections: readonly Uint8Array[] = [];

  constructor(place: HopPlace, router: Router, session: HopSession) {
    this.id = place.id;
    this.name = place.name;
    this.place = place.place;
    this.above = place.above;
    this.way = place.way ?? place.above;
    this.router = router;
    this.#session = session;
    this.#depot = this.above[0]?.depot ?? new Depot();
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
   * @returns undefined: orders can be sent at once; else they have to wait until then
   */
  open(): Promise<void> | undefined {
    this.#session.start("any");
    const before = this.above.at(-1)?.open();
    const isKnown = this.#session.language() !== undefined || this.#session.reason() !== undefined;
    if (before !== undefined || !isKnown) {
      return Promise.all([before, isKnown || this.#session.ready]).then(() => this.#install());
    }
    this.#install();
    return undefined;
  }

  /** Has the first program of the switch compiled while the first order is made here. */
  prepare(): void {
    if (this.#session.isReady()) void this.open();
  }

  /** Why the hop cannot carry anything any more. */
  reason(): EcontextError | undefined {
    return this.#session.reason();
  }

  /** @returns the first hop on the way that has not answered yet; undefined if all have */
  silent(): Hop | undefined {
    return [...this.way, this].find((hop) => !hop.#session.isReady());
  }

  /** When this hop, or one before it, was last waiting for the answer to a question. */
  lastAsked(): number {
    return Math.max(...[...this.way, this].map((hop) => hop.#session.lastAsked()));
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
    if (operation === SWITCH.CONNECT) {
      this.#programs = [...this.#programs, ...this.#forConnections];
      this.#forConnections = [];
    }
    if (!EARLY_ORDERS.has(operation)) this.#sendPrograms();
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
    if (operation === SWITCH.START) this.#sendPrograms();
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
      const place = first.#placeOf(part);
      isShared ||= place !== undefined;
      if (place !== undefined) return place;
      const kept = this.#depot.keep(part);
      if (kept === undefined) return part;
      isShared = true;
      if (kept.isNew) first.order(SWITCH.KEEP, [kept.key, part]);
      return kept.key;
    });
    return isShared ? shared : undefined;
  }

  /** @returns where the hop has these bytes, if they are a core that it was started with */
  #placeOf(bytes: Uint8Array): Place | undefined {
    // JavaScript keeps the text of its core alone.
    if (this.#session.language() !== "python") return undefined;
    let at = 0;
    for (const core of this.#session.cores()) {
      if (core === bytes) return [at, core.length];
      at += core.length;
    }
    return undefined;
  }

  /**
   * Puts the switch into the hop, once. Its first program can start a child: the other programs
   * follow that order, and are compiled while the child boots.
   */
  #install(): void {
    if (this.#isInstalled || this.#session.reason() !== undefined) return;
    this.#isInstalled = true;
    const { router, id } = this;
    const address = id + SWITCH_BIT;
    const link = router.linkOf(id);
    if (link === undefined) return;
    const close = (): void => {};
    router.addRoute(address, { link, out: router.outOf(id) ?? link, parent: id, close });
    link.limit(address, this.edges);
    const [start, rest, connections] = switchPrograms(this.#session.language());
    this.#programs = [rest];
    this.#forConnections = [connections];
    this.#sendProgram(start);
    // To a hop that is not up yet, all goes in one write.
    if (this.#session.isReady()) link.flush?.();
  }

  #sendPrograms(): void {
    const programs = this.#programs;
    this.#programs = [];
    for (const program of programs) this.#sendProgram(program);
  }

  #sendProgram(program: Uint8Array): void {
    // The first hop is sent no program twice, so that it need not keep any for itself.
    const isFirst = this.above.length === 0;
    this.#send(HANDLES.BOOT, [program], 0, isFirst ? undefined : this.share([program]));
  }
}

/** @returns the programs of a switch: each is sent in one frame, in this order */
export function switchPrograms(language: Language = "python"): SwitchPrograms<Uint8Array> {
  return language === "javascript" ? JS_SWITCH : PYTHON_SWITCH;
}
