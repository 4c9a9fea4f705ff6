/**
 * PipeLauncher: joins a child whose bytes come through a pipe. ByteChild → MarkerScanner → Stream →
 * Router. What starts the child is the spawner's business.
 */
import type { EcontextError, ProtocolError } from "../errors.ts";
import type { Router } from "../mux/router.ts";
import { Stream } from "../mux/stream.ts";
import { MASTER_ID } from "../protocol/handles.ts";
import type { ByteChild, Ending, SlaveProcess, Spawner } from "./child.ts";
import type { BootPlan, Launched, Launcher, LaunchListener, LaunchPlan } from "./launcher.ts";
import { MarkerScanner } from "./marker.ts";

export class PipeLauncher implements Launcher {
  readonly #spawner: Spawner;
  readonly #way: Way;

  /** @param parent the context that carries the bytes of each child; `MASTER_ID`: none does */
  constructor(spawner: Spawner, router: Router, parent = MASTER_ID) {
    this.#spawner = spawner;
    this.#way = { router, parent };
  }

  launch(plan: LaunchPlan, listener: LaunchListener): Launched {
    return new PipedChild(this.#spawner.spawn(plan.argv, plan), this.#way, plan, listener);
  }
}

interface Way {
  readonly router: Router;
  readonly parent: number;
}

class PipedChild implements Launched {
  readonly #id: number;
  readonly #child: ByteChild;
  readonly #way: Way;
  readonly #scanner: MarkerScanner;
  readonly #stream: Stream;

  constructor(
    child: ByteChild,
    way: Way,
    plan: BootPlan & Pick<LaunchPlan, "hold">,
    listener: LaunchListener,
  ) {
    const { id, nonce, preamble, replay, hold } = plan;
    const { router, parent } = way;
    this.#id = id;
    this.#child = child;
    this.#way = way;
    this.#scanner = new MarkerScanner(child, nonce, {
      hold,
      held: () => {
        child.settle();
        listener.held?.();
      },
    });
    child.hear((text) => {
      if (!this.isMarked) listener.said?.(text);
    });
    const stream: Stream = new Stream(this.#scanner, {
      message: (message) => router.deliver(link, message),
      isBehind: (context) => router.isBehind(link, context),
      fault: (context, error) => router.fault(context, error),
      closed: (error) => {
        this.#closed(error);
        listener.closed(error);
      },
    });
    this.#stream = stream;
    const link = replay ?? stream;
    const close = (reason: EcontextError): void => stream.close(reason);
    router.addRoute(id, { link, parent, hasOwnLink: true, close });
    // The preamble is written without waiting for a byte of the child's, together with the first
    // call: the first result costs one round trip. A held child makes the exception.
    for (const part of preamble) stream.begin(part);
    replay?.lead(stream);
  }

  get queuedBytes(): number {
    return this.#stream.queuedBytes(this.#id);
  }

  answer(bytes: Uint8Array): void {
    if (this.isHeld) this.#child.writeSecret(bytes);
    else bytes.fill(0);
  }

  ready(): Promise<void> {
    return this.#stream.ready(this.#id);
  }

  close(reason?: EcontextError): void {
    this.#stream.close(reason);
  }

  get argv(): readonly string[] {
    return this.#child.argv;
  }

  get marker(): string {
    return this.#scanner.marker;
  }

  get isHeld(): boolean {
    return this.#scanner.isHeld;
  }

  get isMarked(): boolean {
    return this.#scanner.isFound;
  }

  get noise(): string {
    return this.#scanner.noise;
  }

  get stderr(): string {
    return this.#child.stderr;
  }

  get failure(): ProtocolError | undefined {
    return this.#scanner.failure;
  }

  get ended(): Promise<Ending> {
    return this.#child.ended;
  }

  get gone(): Promise<void> {
    return this.#child.gone;
  }

  adopt(slave: SlaveProcess): void {
    this.#child.adopt(slave);
  }

  relaunch(plan: BootPlan, listener: LaunchListener): Launched {
    return new PipedChild(this.#child, this.#way, plan, listener);
  }

  /**
   * A slave ends when its input does. Before the marker there may be no slave, but a program that
   * does not read: it is killed if this end gives up. If the other end closed the pipe, the child
   * is left to end by itself, because its exit status tells what was wrong.
   */
  #closed(error: EcontextError | undefined): void {
    if (error !== undefined && !this.isMarked) this.#child.kill();
  }
}
