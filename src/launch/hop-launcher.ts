/**
 * HopLauncher: starts children through a hop. The hop spawns the argument vector, carries the bytes
 * and finds the marker; all that is known of connecting stays here. Opening a child is one order.
 *
 * Spec: docs/protocol.md, "The switch".
 */
import { type EcontextError, ProtocolError } from "../errors.ts";
import type { Edge } from "../mux/edge.ts";
import type { ReplayLink } from "../mux/replay-link.ts";
import { PROTOCOL_VERSION, SWITCH } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import { type Ending, TAIL_CHARACTERS } from "./child.ts";
import type { Hop } from "./hop.ts";
import { HopBranch } from "./hop-branch.ts";
import type { HopEvent } from "./hop-event.ts";
import type { BootPlan, Launched, Launcher, LaunchListener, LaunchPlan } from "./launcher.ts";

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
  readonly #branch: HopBranch;
  readonly #ending: PromiseWithResolvers<Ending>;
  #state: "waiting" | "started" | "closed" = "waiting";
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
    { edge, ending }: Partial<Inherited> = {},
  ) {
    this.#hop = hop;
    this.#id = plan.id;
    this.#listener = listener;
    this.argv = plan.argv;
    this.marker = `econtext/${PROTOCOL_VERSION} ${plan.nonce}\n`;
    this.#branch = new HopBranch(hop, plan.id, edge);
    this.#ending = ending ?? Promise.withResolvers();
    this.ended = this.#ending.promise;
    this.gone = this.ended.then(() => {});
  }

  get queuedBytes(): number {
    return this.#branch.link.heldBytes;
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
    return this.#branch.link.ready(this.#id);
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
    this.#join(plan.replay, (events) => this.#hop.order(SWITCH.START, order, events));
  }

  relaunch(plan: BootPlan, listener: LaunchListener): Launched {
    const next = new HopChild(this.#hop, { ...plan, argv: this.argv }, listener, {
      edge: this.#branch.edge,
      ending: this.#ending,
    });
    this.#isTold = true;
    this.#state = "closed";
    next.restart(this.#id, plan);
    return next;
  }

  /** The program that the child runs replaces itself by another, which gets this preamble. */
  restart(old: number, plan: BootPlan): void {
    this.#join(plan.replay, (events) => {
      this.#hop.order(SWITCH.RESTART, [old, plan.id, plan.preamble, plan.nonce], events);
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
    this.#leave(this.#isMarked ? null : "TERM", reason);
  }

  /** Has the hop end the child: by the end of its input, by a signal, and at last by SIGKILL. */
  #leave(signal: "TERM" | null, reason?: EcontextError): void {
    if (this.#state === "closed") return;
    const wasStarted = this.#state === "started";
    this.#state = "closed";
    this.#tell(reason);
    if (wasStarted) {
      this.#hop.order(SWITCH.CLOSE, [this.#id, signal]);
      this.#overdue = setTimeout(() => this.#ending.resolve(UNKNOWN), MAX_END_MS);
    } else {
      this.#finish(UNKNOWN);
    }
  }

  /** Nothing is left to note: the slave is in no process group of this machine. */
  adopt(): void {}

  #join(replay: ReplayLink | undefined, order: (events: number) => void): void {
    const dead = (): void => this.#finish(UNKNOWN);
    const close = (reason: EcontextError): void => this.close(reason);
    const receive = (event: HopEvent): void => this.#receive(event);
    const isWanted = (): boolean => this.#state === "waiting";
    const begin = (events: number): void => {
      this.#state = "started";
      order(events);
    };
    this.#branch.join({ isWanted, order: begin, receive, close, dead }, replay);
  }

  #receive(event: HopEvent): void {
    switch (event.kind) {
      case "noise":
        this.#addNoise(event.text);
        break;
      case "stderr":
        this.#stderr = (this.#stderr + event.text).slice(-TAIL_CHARACTERS);
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
        this.#branch.edge.wrote(event.bytes);
        break;
      case "fault":
        this.#hop.router.strike(this.#id, event.problem);
        break;
      case "closed":
        // Its output has ended. It mostly ends by itself now, and its status says why.
        this.#leave(null);
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
    this.#noise = (this.#noise + text).slice(-TAIL_CHARACTERS);
    if (this.#noiseLength <= LIMITS.maxNoiseBytes) return;
    this.#failure = new ProtocolError(
      "ERR_PROTOCOL_NOISE",
      `more than ${LIMITS.maxNoiseBytes} bytes came before the marker`,
    );
    this.close();
  }

  /** The child's process is no more. */
  #finish(ending: Ending): void {
    clearTimeout(this.#overdue);
    this.#branch.forget();
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
