/**
 * SessionTable: the sessions of one broker. They share the router and the launcher with those of
 * the brokers beside it; the modules that they may ask for, and where their logs go, are the
 * broker's own.
 */
import { Hop } from "../launch/hop.ts";
import { HopLauncher } from "../launch/hop-launcher.ts";
import type { LogRecord } from "../logs/log.ts";
import { LogReceiver } from "../logs/log-receiver.ts";
import type { Finders } from "../modules/finders.ts";
import { Supply } from "../modules/supply.ts";
import type { Router } from "../mux/router.ts";
import { ClientNotices } from "./client-notices.ts";
import { Exchange, type SessionEntry } from "./exchange.ts";
import { ChildSession } from "./session.ts";
import type { SessionSettings } from "./settings.ts";

export { localAt, type SlaveSettings, settingsBeside } from "./beside.ts";
export type { Exchange, SessionEntry } from "./exchange.ts";

export class SessionTable {
  readonly #finders: Finders;
  readonly #onLog: ((record: LogRecord) => void) | undefined;
  readonly #exchange: Exchange;
  readonly #notices: ClientNotices;
  readonly #own = new Set<SessionEntry>();

  /** @param exchange shared with brokers beside this table's */
  constructor(
    finders: Finders,
    onLog: ((record: LogRecord) => void) | undefined,
    exchange = new Exchange(),
  ) {
    this.#finders = finders;
    this.#onLog = onLog;
    this.#exchange = exchange;
    this.#notices = new ClientNotices(onLog);
  }

  get router(): Router {
    return this.#exchange.router;
  }

  get exchange(): Exchange {
    return this.#exchange;
  }

  open(settings: SessionSettings): SessionEntry {
    const { id, name, place, level, transport, unpacking, via } = settings;
    const { router } = this.#exchange;
    const supply = new Supply(this.#finders, { sharesDisk: transport.sharesDisk, unpacking });
    const mapStack = (text: string): string => supply.mapStack(text);
    const logs = new LogReceiver({ context: name, level, onLog: this.#onLog, mapStack });
    const { engine } = transport;
    const isOwn = via === undefined || engine !== undefined;
    const launcher = isOwn ? this.#exchange.launcherFor(engine, via) : new HopLauncher(via);
    const chosen = (refusal: string | undefined): void => {
      entry.sshRefusal = refusal?.trim();
      if (engine !== undefined) this.#notices.tell({ engine, logs, level }, refusal);
    };
    const session = new ChildSession(settings, { router, launcher, supply, logs, chosen });
    const way = via === undefined ? [] : [...via.way, via];
    const above = isOwn ? [] : [...via.above, via];
    const hop = new Hop({ id, name, place, above, way }, router, session);
    const entry: SessionEntry = { session, logs, hop };
    this.#exchange.add(id, entry);
    this.#own.add(entry);
    void session.gone.then(() => this.#own.delete(entry));
    return entry;
  }

  /** @returns the entry of a slave of this broker, or of one beside it */
  get(id: number): SessionEntry | undefined {
    return this.#exchange.get(id);
  }

  /** @returns the last hop that both slaves are behind */
  meet(one: number, other: number): Hop | undefined {
    return this.#exchange.meet(one, other);
  }

  /** @returns the entries of this broker at the moment */
  all(): SessionEntry[] {
    return [...this.#own];
  }
}
