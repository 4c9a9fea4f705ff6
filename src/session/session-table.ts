/**
 * SessionTable: the sessions of one broker, with the router and the launcher that they share. Gives
 * each message that a slave sends unasked to the session that it came from.
 */
import type { Context } from "../context/context.ts";
import { Hop } from "../launch/hop.ts";
import { HopLauncher } from "../launch/hop-launcher.ts";
import { LocalSpawner } from "../launch/local-child.ts";
import { PipeLauncher } from "../launch/pipe-launcher.ts";
import type { LogRecord } from "../logs/log.ts";
import { LogReceiver } from "../logs/log-receiver.ts";
import type { Finders } from "../modules/finders.ts";
import { Supply } from "../modules/supply.ts";
import { Router } from "../mux/router.ts";
import { HANDLES } from "../protocol/handles.ts";
import { ChildSession } from "./session.ts";
import type { SessionSettings } from "./settings.ts";

export { localAt, type SlaveSettings, settingsBeside } from "./beside.ts";

/** All that is known of a context. It lasts until no process of its child is left. */
export interface SessionEntry {
  readonly session: ChildSession;
  readonly logs: LogReceiver;
  /** The context as one that carries others. */
  readonly hop: Hop;
  /** Set for a context that a user has opened. A helper's context is closed by its lender. */
  context?: Context;
  /** Whether it was opened only to carry others: it closes when nothing goes through it. */
  isHop?: boolean;
}

export class SessionTable {
  readonly router: Router;
  readonly #finders: Finders;
  readonly #onLog: ((record: LogRecord) => void) | undefined;
  readonly #launcher: PipeLauncher;
  readonly #entries = new Map<number, SessionEntry>();

  constructor(finders: Finders, onLog: ((record: LogRecord) => void) | undefined) {
    this.#finders = finders;
    this.#onLog = onLog;
    this.router = new Router((id, problem, strikes) => {
      this.#entries.get(id)?.logs.strike(problem, strikes);
    });
    this.#launcher = new PipeLauncher(new LocalSpawner(), this.router);
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

  open(settings: SessionSettings): SessionEntry {
    const { id, name, place, level, transport, unpacking, via } = settings;
    const supply = new Supply(this.#finders, { sharesDisk: transport.sharesDisk, unpacking });
    const mapStack = (text: string): string => supply.mapStack(text);
    const logs = new LogReceiver({ context: name, level, onLog: this.#onLog, mapStack });
    const launcher = via === undefined ? this.#launcher : new HopLauncher(via);
    const parts = { router: this.router, launcher, supply, logs };
    const session = new ChildSession(settings, parts);
    const above = via === undefined ? [] : [...via.above, via];
    const hop = new Hop({ id, name, place, above }, this.router, session);
    const entry: SessionEntry = { session, logs, hop };
    this.#entries.set(id, entry);
    void session.gone.then(() => this.#entries.delete(id));
    return entry;
  }

  get(id: number): SessionEntry | undefined {
    return this.#entries.get(id);
  }

  /** @returns the last hop that both slaves are behind */
  meet(one: number, other: number): Hop | undefined {
    const [hops = [], others = []] = [one, other].map((id) => this.#entries.get(id)?.hop.above);
    return hops.findLast((hop, at) => others[at] === hop);
  }

  /** @returns the entries of the moment */
  all(): SessionEntry[] {
    return [...this.#entries.values()];
  }
}
