/**
 * ConnectionPool: connections to ssh servers, each shared by all that goes to the same server by
 * the same settings. A connection is closed with the last command on it. A server that opens no
 * further session (MaxSessions) is given another connection.
 */

import { orAborted } from "../io/abort.ts";
import type { Hop } from "../launch/hop.ts";
import { configurationFile, type SshCommandLine } from "./command-line.ts";
import type { SshConfiguration } from "./configuration.ts";
import { type Answer, ConfigurationCache } from "./configuration-cache.ts";
import { Connection, type Dialog, type Session } from "./connection.ts";
import { ConnectionFailure, JumpFailure, NoSession, Refusal } from "./failures.ts";
import { openBehind } from "./hop-wire.ts";
import { CLOSED_BEHIND } from "./last-words.ts";
import { readSettings, type SshSettings } from "./settings.ts";
import { SharedDialog } from "./shared-dialog.ts";
import { openCommand, openSocket, type SshWire } from "./socket.ts";

/** A command on a connection. */
export interface Running {
  readonly session: Session;
  readonly connection: Connection;
  /** Gives the connection back. Idempotent. */
  release(): void;
}

interface Slot {
  readonly opening: Promise<Connection>;
  isOpen: boolean;
  /** Ends the opening when no command waits for it any more. */
  readonly abort: AbortController;
  readonly dialog: SharedDialog;
  users: number;
  /** Whether its server has ever opened a session. */
  hasRun: boolean;
  /** Whether its server opens no further session. */
  isFull: boolean;
  /** Resolves when the proxy command is gone that carries the bytes. Undefined: there is none. */
  proxyGone: Promise<void> | undefined;
  /** The hold on the jump host's slot, from when it is waited for. Undefined: there is none yet. */
  below: Hold | undefined;
}

interface Hold {
  readonly slot: Slot;
  /** Resolves when the slot was given back. */
  readonly released: Promise<void>;
}

interface Destination extends Pick<SshCommandLine, "options" | "destination"> {
  /** The slot whose connection leads through this one. Absent: a command runs on this one. */
  readonly asking?: Slot | undefined;
}

/**
 * Behind a hop, the way to the server is known, as with `ssh -J`: no ProxyJump and no ProxyCommand
 * counts. This command is never run.
 */
const BEHIND = ["-o", "ProxyCommand=exit"];

/** ssh takes no jump beside a proxy command. */
function withoutJumps(options: readonly string[]): string[] {
  const isJump = (word: string | undefined): boolean => word?.startsWith("-J") === true;
  return options.filter((word, at) => !isJump(word) && options[at - 1] !== "-J");
}

export interface PoolOptions {
  /** The hop that makes the connections. Absent: this process does. */
  readonly via?: Hop | undefined;
}

export class ConnectionPool {
  /** By all that the configuration says of a host. */
  readonly #slots = new Map<string, Set<Slot>>();
  readonly #configurations = new ConfigurationCache();
  /** Of connections that were given back, until their proxy commands are gone. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #via: Hop | undefined;

  constructor({ via }: PoolOptions = {}) {
    this.#via = via;
  }

  /**
   * @throws {ConnectionFailure}, {Refusal}, {ConfigurationProblem}, {TokenProblem},
   *   {KnownHostsProblem}, {Unreachable}
   */
  async run(line: SshCommandLine, dialog: Dialog, signal: AbortSignal): Promise<Running> {
    for (;;) {
      const { slot, connection, release } = await this.#lease(line, dialog, signal);
      try {
        const opening = connection.run(line.command);
        const session = await orAborted(opening, signal, (late) => late.channel.close());
        slot.hasRun = true;
        return { session, connection, release };
      } catch (error) {
        // The first session is refused by a server that allows none.
        const isAlone = slot.users === 1 && !slot.hasRun;
        const isFull = error instanceof NoSession;
        slot.isFull ||= isFull;
        release();
        if (!isFull || isAlone) throw error;
      }
    }
  }

  /** A connection that stays open until it is released. */
  async #lease(place: Destination, dialog: Dialog, signal: AbortSignal) {
    const { destination, asking } = place;
    const options =
      this.#via === undefined ? place.options : [...BEHIND, ...withoutJumps(place.options)];
    const [asked, forget] = this.#configurations.lease(options, destination);
    try {
      const answer = await orAborted(asked, signal);
      signal.throwIfAborted();
      dialog.say(answer.warnings);
      const lease = await this.#leaseBy(answer, { options, asking }, dialog, signal);
      const release = once(() => {
        forget();
        lease.release();
      });
      return { ...lease, release };
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #leaseBy(
    { configuration, usual }: Answer,
    { options, asking }: Pick<Destination, "options" | "asking">,
    dialog: Dialog,
    signal: AbortSignal,
  ) {
    const key = digestOf(configuration);
    const slots = this.#slots.get(key) ?? new Set();
    let slot = [...slots].find((one) => isUseful(one, dialog));
    // The connection that asks would wait for itself.
    if (slot !== undefined && asking !== undefined && leadsTo(slot, asking)) {
      throw new ConnectionFailure("ProxyJump leads back to itself\r\n");
    }
    if (slot === undefined) {
      const settings = readSettings(configuration, usual, options);
      slot = this.#open(settings, options, dialog.asker !== undefined);
      this.#slots.set(key, slots.add(slot));
    }
    slot.users += 1;
    const { opening } = slot;
    const taken = slot;
    const hold = Promise.withResolvers<void>();
    if (asking !== undefined) asking.below = { slot, released: hold.promise };
    const place = slot.dialog.join(dialog, signal);
    const release = once(() => {
      place.leave();
      this.#release(key, taken);
      hold.resolve();
    });
    try {
      const connection = await orAborted(opening, signal);
      place.begin();
      place.settle();
      return { slot: taken, connection, release };
    } catch (error) {
      release();
      if (!signal.aborted) place.catchUp();
      throw error;
    }
  }

  #open(settings: SshSettings, options: readonly string[], canAsk: boolean): Slot {
    const abort = new AbortController();
    const dialog = new SharedDialog(canAsk);
    const open = async (): Promise<Connection> => {
      const wire = await this.#wire(settings, options, slot);
      return Connection.open(settings, wire, dialog, abort.signal);
    };
    const opening = Promise.resolve().then(open);
    const slot: Slot = {
      opening,
      isOpen: false,
      abort,
      dialog,
      users: 0,
      hasRun: false,
      isFull: false,
      proxyGone: undefined,
      below: undefined,
    };
    const end = (): void => {
      slot.isFull = true;
    };
    opening.then(({ closed }) => {
      slot.isOpen = true;
      void closed.then(end);
    }, end);
    return slot;
  }

  /** @returns the bytes to the server: directly, by a command, or through another server */
  async #wire(settings: SshSettings, options: readonly string[], slot: Slot): Promise<SshWire> {
    const { jumps, proxyCommand } = settings;
    const { dialog } = slot;
    const { signal } = slot.abort;
    // A jump host may still be refused.
    if (jumps.length === 0) dialog.begin();
    if (this.#via !== undefined) return openBehind(this.#via, settings, signal);
    if (proxyCommand !== undefined) {
      // Once a slot is given back, it starts no process.
      signal.throwIfAborted();
      const { gone, ...wire } = openCommand(settings, proxyCommand, dialog.say);
      slot.proxyGone = gone;
      return wire;
    }
    const last = jumps.at(-1);
    if (last === undefined) return openSocket(settings, signal);
    // As ssh starts the ssh of a jump host: the command line counts for the last host alone.
    const before = jumps.slice(0, -1);
    const way = before.length === 0 ? [] : ["-J", before.join(",")];
    const place = {
      options: ["-T", ...configurationFile(options), ...way, ...accountOf(last)],
      destination: hostOf(last),
      asking: slot,
    };
    try {
      return await this.#through(place, settings, dialog, signal);
    } catch (error) {
      throw failureOfJump(last, `${settings.hostname} port ${settings.port}`, error as Error);
    }
  }

  /** @param place the jump host */
  async #through(
    place: Destination,
    { hostname, port }: SshSettings,
    dialog: Dialog,
    signal: AbortSignal,
  ): Promise<SshWire> {
    const { connection, release } = await this.#lease(place, dialog, signal);
    try {
      const opening = connection.forward(hostname, port);
      const wire = await orAborted(opening, signal, ({ stream }) => stream.destroy());
      wire.stream.once("close", release);
      return wire;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Resolves when no process is left of connections that were given back. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving);
  }

  #release(key: string, slot: Slot): void {
    slot.users -= 1;
    if (slot.users > 0) return;
    const slots = this.#slots.get(key);
    slots?.delete(slot);
    if (slots?.size === 0) this.#slots.delete(key);
    slot.abort.abort();
    void slot.opening.then(
      (connection) => connection.close(),
      () => {},
    );
    const gone = goneOf(slot);
    this.#leaving.add(gone);
    void gone.finally(() => this.#leaving.delete(gone));
  }
}

/**
 * Whether a command may use a slot. A command that can be asked does not wait for a connection
 * whose login can ask nothing.
 */
function isUseful({ isFull, isOpen, dialog }: Slot, { asker }: Dialog): boolean {
  return !isFull && (isOpen || dialog.asker !== undefined || asker === undefined);
}

/** @returns a promise that no process is left of a slot that was given back */
async function goneOf({ proxyGone, below, isOpen }: Slot): Promise<void> {
  await proxyGone;
  // A jump host that is reached without a process needs no wait until it has answered.
  if (below === undefined || (isOpen && !hasProcess(below.slot))) return;
  await below.released;
  if (below.slot.users === 0) await goneOf(below.slot);
}

/** Whether the way of a slot leads through another one, or is to. */
function leadsTo(slot: Slot, other: Slot): boolean {
  return slot === other || (slot.below !== undefined && leadsTo(slot.below.slot, other));
}

function hasProcess({ proxyGone, below }: Slot): boolean {
  return proxyGone !== undefined || (below !== undefined && hasProcess(below.slot));
}

/**
 * What ssh prints of a jump host may have no name in it. The text goes on as ssh's: the ssh of the
 * last host sees its proxy close.
 */
function failureOfJump(jump: string, target: string, error: Error): Error {
  const { message } = error;
  if (error instanceof JumpFailure) return error;
  if (error instanceof Refusal) return new Refusal(`jump host ${jump}: ${message}`);
  const text = message === "" || message.endsWith("\n") ? message : `${message}\r\n`;
  // The jump host itself works then.
  const hasNoWay = text.startsWith("channel 0: open failed");
  const what = hasNoWay ? `opens no way to ${target}` : "has failed";
  const named = `The embedded ssh: the jump host ${jump} ${what}.\r\n`;
  return new JumpFailure(`${text}${named}${CLOSED_BEHIND}`);
}

/** A digest is short. The text itself has 4 KB, and there is one for each host. */
function digestOf(configuration: SshConfiguration): string {
  const text = JSON.stringify([...configuration]);
  return new Bun.CryptoHasher("sha256").update(text).digest("base64");
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

const JUMP = /^(?:ssh:\/\/)?(?:(.*)@)?(\[[^\]]*\]|[^:]*)(?::(\d+))?\/?$/;

/** @param jump `[user@]host[:port]`, or as an address of ssh:// */
function accountOf(jump: string): string[] {
  const [, user, , port] = JUMP.exec(jump) ?? [];
  return [...(user === undefined ? [] : ["-l", user]), ...(port === undefined ? [] : ["-p", port])];
}

function hostOf(jump: string): string {
  const [, , host = jump] = JUMP.exec(jump) ?? [];
  return host.replace(/^\[(.*)\]$/, "$1");
}
