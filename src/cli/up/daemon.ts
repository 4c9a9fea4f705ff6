/**
 * The process that keeps connections, and runs commands for the processes that ask it to. It has no
 * terminal and no descriptor of its user's. It ends by `econtext down`, by a signal, when it was
 * not used for a while, or with the process that it was bound to.
 */
import { closeSync, linkSync, lstatSync, openSync, rmSync } from "node:fs";
import { ENDING } from "../../io/ending-signals.ts";
import { startOf } from "../../io/process-stat.ts";
import { isOwn, peerOf } from "../../io/quick-calls.ts";
import { FRESH_MS, type Greeting, identity, OTHER_VERSION } from "../../up/greeting.ts";
import { Keeper } from "../../up/keeper.ts";
import { makeFolder } from "../../up/make-folder.ts";
import { folderOf, socketIn } from "../../up/place.ts";
import { FRAME, textOf, Wire } from "../../up/wire.ts";
import { main } from "../dispatch.ts";
import { ENDED_EARLY, NO_CONNECTION } from "../exit-statuses.ts";
import { fail } from "../report-error.ts";
import { admit, differenceFrom } from "./admission.ts";
import { ClientHost } from "./client-host.ts";
import { CONTROLS } from "./control.ts";

const TICK_MS = 500;
const LATE = `the process that keeps connections (pid ${process.pid}) was late`;
/** Statuses after which an interpreter may not be as it was. */
const UNCLEAN: readonly number[] = [...ENDED_EARLY, NO_CONNECTION];

/** @param orders JSON of what start.ts tells */
export async function runDaemon(orders: string): Promise<number> {
  const { idle, parent } = JSON.parse(orders);
  const daemon = new Daemon(idle, parent ?? undefined);
  daemon.listen();
  // Nothing may hold what the user's shell waits for.
  closeSync(2);
  openSync("/dev/null", "r+");
  await daemon.ended;
  return 0;
}

class Daemon {
  readonly keeper = new Keeper();
  readonly ended: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  readonly #identity = identity();
  #idleMs: number;
  readonly #parent: readonly [pid: number, start: string] | undefined;
  readonly #path = socketIn(folderOf(process.env));
  #inode = 0;
  /** Commands that run now. */
  #commands = 0;
  #usedAt = performance.now();
  #isEnding = false;

  constructor(idleMs: number, parent: readonly [number, string] | undefined) {
    this.#idleMs = idleMs;
    this.#parent = parent;
    this.ended = this.#end.promise;
    for (const name of ENDING) {
      process.on(name, () => void this.end());
    }
  }

  /** @throws another process listens, or none can listen there */
  listen(): void {
    makeFolder(folderOf(process.env));
    const own = `${this.#path}.${process.pid}`;
    const umask = process.umask(0o177);
    try {
      Bun.listen<Wire>({
        unix: own,
        socket: Wire.handlers((wire, fd) => this.#open(wire, peerOf(fd))),
      });
      // Of two that start at the same time, one gets the name.
      linkSync(own, this.#path);
      this.#inode = lstatSync(this.#path).ino;
    } finally {
      process.umask(umask);
      rmSync(own, { force: true });
    }
    setInterval(() => this.#tick(), TICK_MS);
  }

  async end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (this.#isOwnSocket()) rmSync(this.#path, { force: true });
    await this.keeper.closeAll();
    this.#end.resolve();
  }

  #isOwnSocket(): boolean {
    return lstatSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  #tick(): void {
    const [pid, start] = this.#parent ?? [];
    const isOrphan = pid !== undefined && startOf(pid) !== start;
    const isIdle = this.#commands === 0 && performance.now() - this.#usedAt > this.#idleMs;
    if (isOrphan || isIdle || !this.#isOwnSocket()) void this.end();
    else if (!this.#isEnding) this.keeper.tend();
  }

  #open(wire: Wire, peer: ReturnType<typeof peerOf>): void {
    let host: ClientHost | undefined;
    const isOurs = isOwn(peer);
    wire.listen({
      frame: (type, payload) => {
        if (type !== FRAME.hello) {
          host?.receive(type, payload);
          return;
        }
        if (!isOurs || host !== undefined) return wire.end();
        try {
          const greeting = JSON.parse(textOf(payload)) as Greeting;
          host = new ClientHost(greeting, wire);
          void this.#serve(greeting, host, wire, peer?.pid);
        } catch {
          wire.end(); // it is no command of ours
        }
      },
      closed: () => host?.gone(),
    });
    if (!isOurs) wire.end();
  }

  async #serve(
    greeting: Greeting,
    host: ClientHost,
    wire: Wire,
    pid: number | undefined,
  ): Promise<void> {
    this.#commands += 1;
    try {
      const status = await this.#run(greeting, host, wire, pid);
      if (status !== undefined) {
        wire.send(FRAME.done, Uint8Array.of(status));
        wire.end();
      }
    } finally {
      this.#commands -= 1;
      this.#usedAt = performance.now();
      if (this.#commands === 0 && this.keeper.isEmpty) await this.end();
    }
  }

  /** How long this process lives, for a command of this greeting. */
  #lifeFor({ parent: caller }: Greeting) {
    const setIdle = (ms: number): void => {
      this.#idleMs = ms;
    };
    return { parent: this.#parent?.[0], caller, setIdle };
  }

  /** @returns the exit status; undefined: the command was refused */
  async #run(
    greeting: Greeting,
    host: ClientHost,
    wire: Wire,
    pid: number | undefined,
  ): Promise<number | undefined> {
    const [name = "", ...rest] = greeting.args;
    const isEnd = name === "down" && rest.length === 0;
    if (greeting.identity !== this.#identity && !isEnd) {
      return refuse(wire, `${OTHER_VERSION} (pid ${process.pid}) keeps the connections`);
    }
    if (isLate(greeting, host)) return refuse(wire, LATE);
    const control = Object.hasOwn(CONTROLS, name) ? CONTROLS[name] : undefined;
    const difference = differenceFrom(greeting, pid);
    if (control === undefined) {
      return difference === undefined ? this.#runCommand(greeting, host, wire) : refuse(wire, "");
    }
    if (name === "up" && difference !== undefined) {
      return refuse(wire, `${difference}; econtext down ends what is open`);
    }
    wire.send(FRAME.accept);
    const life = this.#lifeFor(greeting);
    return control(rest, host, this.keeper, life).catch((error) => fail(error, host));
  }

  /** Runs a command over what is kept. @returns as `#run` */
  async #runCommand(greeting: Greeting, host: ClientHost, wire: Wire): Promise<number | undefined> {
    const isServed = greeting.stdin.isReadable && !this.#isEnding;
    const admission = isServed ? await admit(greeting.args, host, this.keeper) : undefined;
    if (admission === undefined) return refuse(wire, "");
    const closing = "the connection is closed: econtext down, or the end of econtext up";
    const loan = await this.keeper.lend(admission.ways, admission.reuses, () =>
      host.revoke(closing),
    );
    if (isLate(greeting, host)) {
      loan.end(true);
      return refuse(wire, LATE);
    }
    // A short command's output comes with it.
    wire.sendSoon(FRAME.accept);
    host.kept = loan;
    let status = NO_CONNECTION;
    try {
      status = await main(greeting.args, host);
      return status;
    } finally {
      loan.end(!UNCLEAN.includes(status) && !host.isGone);
    }
  }
}

/** Whether the command has lost patience, and runs by itself: it must not run here, too. */
function isLate({ sentAt }: Greeting, host: ClientHost): boolean {
  return host.isGone || Date.now() - sentAt > FRESH_MS;
}

/** @param why "": the command runs by itself, and says nothing */
function refuse(wire: Wire, why: string): undefined {
  wire.send(FRAME.refuse, why);
  wire.end();
}
