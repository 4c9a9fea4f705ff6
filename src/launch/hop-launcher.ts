/**
 * HopLauncher: starts children through a hop. The hop spawns the argument vector, carries the bytes
 * and finds the marker; all that is known of connecting stays here. Opening a child is one order.
 *
 * Spec: docs/protocol.md, "The switch".
 */
import { DisconnectError, type EcontextError, ProtocolError } from "../errors.ts";
import { Edge } from "../mux/edge.ts";
import { PROTOCOL_VERSION, SWITCH } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Ending } from "./child.ts";
import type { Hop } from "./hop.ts";
import { type HopEvent, readHopEvent } from "./hop-event.ts";
import { HopLink } from "./hop-link.ts";
import type { BootPlan, Launched, Launcher, LaunchListener, LaunchPlan } from "./launcher.ts";

const KEPT_CHARACTERS = 32768;
/**
 * Milliseconds that a hop has to tell how a closed child ended: it kills the child after three
 * seconds. A hop that never tells must not keep anything from ending.
 */
const MAX_END_MS = 5_000;
const UNKNOWN: Ending = { status: undefined, signal: undefined };

export class HopLauncher implements Launcher {
  readonly #hop: Hop;

  constructor(hop: Hop) {
    this.#hop = hop;
  }

  launch(plan: LaunchPlan, listener: LaunchListener): Launched {
    const child = new HopChild(this.#hop, plan, listener);
    child.start(plan);
    return child;
  }
}

/** What a relaunched child keeps of the one that it was. */
interface Inherited {
  readonly edge: Edge;
  readonly ending: PromiseWithResolvers<Ending>;
}

class HopChild implements Launched {
  readonly argv: readonly string[];
  readonly marker: string;
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  readonly #hop: Hop;
  readonly #id: number;
  readonly #listener: LaunchListener;
  readonly #link: HopLink;
  readonly #edge: Edge;
  readonly #ending: PromiseWithResolvers<Ending>;
  #events = 0;
  #state: "waiting" | "started" | "closed" = "waiting";
  /** Whether the hops above have a route to the child. */
  #isAnnounced = false;
  #isHeld = false;
  #isMarked = false;
  #isTold = false;
  #noise = "";
  #noiseLength = 0;
  #stderr = "";
  #failure: ProtocolError | undefined;
  #overdue: ReturnType<typeof setTimeout> | undefined;

  constructor(
    hop: Hop,
    plan: BootPlan & { readonly argv: readonly string[] },
    listener: LaunchListener,
    { edge, ending }: Inherited = { edge: new Edge(), ending: Promise.withResolvers() },
  ) {
    this.#hop = hop;
    this.#id = plan.id;
    this.#listener = listener;
    this.argv = plan.argv;
    this.marker = `econtext/${PROTOCOL_VERSION} ${plan.nonce}\n`;
    this.#edge = edge;
    this.#link = new HopLink(hop, plan.id);
    this.#ending = ending;
    this.ended = ending.promise;
    this.gone = ending.promise.then(() => {});
  }

  get queuedBytes(): number {
    return this.#link.heldBytes;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  get isMarked(): boolean {
    return this.#isMarked;
  }

  get noise(): string {
    return this.#noise;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get failure(): ProtocolError | undefined {
    return this.#failure;
  }

  ready(): Promise<void> {
    return this.#link.ready(this.#id);
  }

  /** Has the child spawned, as soon as the hop can take orders. */
  start(plan: LaunchPlan): void {
    const { argv, hold, isClient, pty } = plan;
    this.#isHeld = hold !== undefined;
    const options = {
      ...(hold === undefined ? {} : { hold }),
      ...(isClient ? { deaf: true } : {}),
      ...(pty === true ? { pty } : {}),
    };
    const order = [plan.id, argv, plan.preamble, plan.nonce, options];
    const start = (): void => this.#hop.order(SWITCH.START, order, this.#events);
    this.#join(plan, start);
  }

  relaunch(plan: BootPlan, listener: LaunchListener): Launched {
    const next = new HopChild(this.#hop, { ...plan, argv: this.argv }, listener, {
      edge: this.#edge,
      ending: this.#ending,
    });
    this.#isTold = true;
    this.#state = "closed";
    next.restart(this.#id, plan);
    return next;
  }

  /** The program that the child runs replaces itself by another, which gets this preamble. */
  restart(old: number, plan: BootPlan): void {
    this.#join(plan, () => {
      this.#hop.order(SWITCH.RESTART, [old, plan.id, plan.preamble, plan.nonce], this.#events);
    });
  }

  answer(bytes: Uint8Array): void {
    const isWanted = this.#isHeld && this.#state === "started";
    if (isWanted) this.#hop.order(SWITCH.WRITE, [this.#id, Uint8Array.from(bytes)]);
    bytes.fill(0);
  }

  /**
   * A slave ends when its input does. Before the marker there may be a program that does not read.
   */
  close(reason?: EcontextError): void {
    if (this.#state === "closed") return;
    const wasStarted = this.#state === "started";
    this.#state = "closed";
    this.#tell(reason);
    if (wasStarted) {
      this.#hop.order(SWITCH.CLOSE, [this.#id, this.#isMarked ? null : "TERM"]);
      this.#overdue = setTimeout(() => this.#ending.resolve(UNKNOWN), MAX_END_MS);
    } else {
      this.#finish(UNKNOWN);
    }
  }

  /** Nothing is left to note: the slave is in no process group of this machine. */
  adopt(): void {}

  /** Makes the route, and gives the `order` when the hop can take it. */
  #join({ replay }: BootPlan, order: () => void): void {
    const hop = this.#hop;
    const { router } = hop;
    const opening = hop.open();
    const link = hop.link;
    if (link === undefined) {
      const message = `${hop.name}: it has ended\n  try: connect again`;
      const reason = hop.reason() ?? new DisconnectError("ERR_DISCONNECT_CLOSED", message);
      queueMicrotask(() => this.close(reason));
      return;
    }
    const close = (reason: EcontextError): void => this.close(reason);
    const edges = [...hop.edges, this.#edge];
    const out = replay ?? this.#link;
    router.addRoute(this.#id, { link, out, edges, parent: hop.id, close });
    replay?.lead(this.#link);
    this.#events = router.expect(hop.id, {
      receive: ({ body }) => this.#receive(readHopEvent(body)),
      dead: (reason) => {
        this.close(reason);
        this.#finish(UNKNOWN);
      },
    });
    const start = (): void => {
      if (this.#state !== "waiting") return;
      this.#state = "started";
      this.#announce();
      order();
      router.announce(this.#id);
      this.#link.open();
    };
    if (opening === undefined) start();
    else void opening.then(start, () => {});
  }

  /** Tells the hops above where the child's frames go, and from where they come. */
  #announce(): void {
    const { above, id, link, router } = this.#hop;
    this.#isAnnounced = true;
    above.forEach((hop, at) => {
      hop.order(SWITCH.ROUTE, [this.#id, above[at + 1]?.id ?? id]);
    });
    link?.limit(this.#id, router.edgesOf(this.#id));
  }

  #receive(event: HopEvent): void {
    switch (event.kind) {
      case "noise":
        this.#addNoise(event.text);
        break;
      case "stderr":
        this.#stderr = (this.#stderr + event.text).slice(-KEPT_CHARACTERS);
        if (!this.#isMarked) this.#listener.said?.(event.text);
        break;
      case "held":
        this.#isHeld = false;
        this.#listener.held?.();
        break;
      case "marked":
        this.#isMarked = true;
        break;
      case "wrote":
        this.#edge.wrote(event.bytes);
        break;
      case "fault":
        this.#hop.router.strike(this.#id, event.problem);
        break;
      case "closed":
        this.#tell(undefined);
        break;
      case "failed":
        this.#finish({ spawnError: new Error(event.problem) });
        break;
      case "ended":
        this.#finish(event);
    }
  }

  #addNoise(text: string): void {
    this.#noiseLength += text.length;
    this.#noise = (this.#noise + text).slice(-KEPT_CHARACTERS);
    if (this.#noiseLength <= LIMITS.maxNoiseBytes) return;
    this.#failure = new ProtocolError(
      "ERR_PROTOCOL_NOISE",
      `more than ${LIMITS.maxNoiseBytes} bytes came before the marker`,
    );
    this.close();
  }

  /** The child's process is no more. */
  #finish(ending: Ending): void {
    const { router, above, id } = this.#hop;
    clearTimeout(this.#overdue);
    router.forget(id, this.#events);
    this.#edge.end();
    // A hop that was not told of the child may not even have its switch yet.
    if (this.#isAnnounced) for (const hop of above) hop.order(SWITCH.UNROUTE, [this.#id]);
    this.#ending.resolve(ending);
    this.#state = "closed";
    this.#tell(undefined);
  }

  #tell(reason: EcontextError | undefined): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#listener.closed(reason);
  }
}
