/**
 * Exchange: the router, the launcher and the sessions that brokers beside each other share. Gives
 * each message that a slave sends unasked to the session that it came from.
 */
import type { Context } from "../context/context.ts";
import { EmbeddedSpawner } from "../embedded-ssh/spawner.ts";
import type { Hop } from "../launch/hop.ts";
import { LocalSpawner } from "../launch/local-child.ts";
import { PipeLauncher } from "../launch/pipe-launcher.ts";
import type { LogReceiver } from "../logs/log-receiver.ts";
import { Router } from "../mux/router.ts";
import { HANDLES } from "../protocol/handles.ts";
import type { SshEngine } from "../transports/transport.ts";
import type { ChildSession } from "./session.ts";

/** All that is known of a context. It lasts until no process of its child is left. */
export interface SessionEntry {
  readonly session: ChildSession;
  readonly logs: LogReceiver;
  /** The context as one that carries others. */
  readonly hop: Hop;
  /** With `auto`: why the embedded ssh has refused the host. The ssh program was started. */
  sshRefusal?: string | undefined;
  /** Set for a context that a user has opened. A helper's context is closed by its lender. */
  context?: Context;
  /** Whether it was opened only to carry others: it closes when nothing goes through it. */
  isHop?: boolean;
}

export class Exchange {
  readonly router: Router;
  readonly #spawned: PipeLauncher;
  readonly #embedded = new Map<SshEngine, PipeLauncher>();
  /** Of the embedded ssh behind each hop. */
  readonly #behind = new WeakMap<Hop, PipeLauncher>();
  readonly #entries = new Map<number, SessionEntry>();

  constructor() {
    this.router = new Router((id, problem, strikes) => {
      this.#entries.get(id)?.logs.strike(problem, strikes);
    });
    this.#spawned = new PipeLauncher(new LocalSpawner(), this.router);
    this.router.listen(HANDLES.GET_MODULE, (message) => {
      this.#entries.get(message.src)?.session.answerModule(message);
    });
    this.router.listen(HANDLES.FORWARD_LOG, ({ src, body }) => {
      this.#entries.get(src)?.logs.receive(body);
    });
    this.router.listen(HANDLES.PING, ({ src, reply, body }) => {
      if (reply !== 0) this.router.send({ dst: src, handle: reply }, [body], "control");
    });
  }

  /**
   * @param engine as of `Transport`
   * @param via the hop that makes its connections; undefined: this process does
   */
  launcherFor(engine: SshEngine | undefined, via?: Hop): PipeLauncher {
    if (engine === undefined) return this.#spawned;
    const known = via === undefined ? this.#embedded.get(engine) : this.#behind.get(via);
    if (known !== undefined) return known;
    const fallback = engine === "auto" ? new LocalSpawner() : undefined;
    const spawner = new EmbeddedSpawner({ fallback, via });
    const launcher = new PipeLauncher(spawner, this.router, via?.id);
    if (via === undefined) this.#embedded.set(engine, launcher);
    else this.#behind.set(via, launcher);
    return launcher;
  }

  /** Keeps the entry until its session is gone. */
  add(id: number, entry: SessionEntry): void {
    this.#entries.set(id, entry);
    void entry.session.gone.then(() => this.#entries.delete(id));
  }

  get(id: number): SessionEntry | undefined {
    return this.#entries.get(id);
  }

  /** @returns the last hop that each of two slaves is behind, or is */
  meet(one: number, other: number): Hop | undefined {
    const [ways = [], others = []] = [one, other].map((id) => this.#wayTo(id));
    return ways.findLast((hop, at) => others[at] === hop);
  }

  #wayTo(id: number): readonly Hop[] {
    const hop = this.#entries.get(id)?.hop;
    return hop === undefined ? [] : [...hop.above, hop];
  }
}
