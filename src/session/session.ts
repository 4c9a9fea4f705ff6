/**
 * ChildSession: the life of one child, from the plan to the last process of the child's group. It
 * is the `Session` of its context. Knows nothing of calls, and of processes only what a launcher
 * tells.
 */
import type { Session, SlaveInfo } from "../context/session.ts";
import { DisconnectError, type EcontextError, ProtocolError } from "../errors.ts";
import { type Language, languageOf, type Wants } from "../interpreters/kind.ts";
import { languageOfPlan, planFor } from "../interpreters/plan.ts";
import type { Launched, Launcher, LaunchPlan } from "../launch/launcher.ts";
import type { LogReceiver } from "../logs/log-receiver.ts";
import type { ModuleMessage, Supplied } from "../modules/responder.ts";
import type { Supply } from "../modules/supply.ts";
import { ReplayLink } from "../mux/replay-link.ts";
import type { Router } from "../mux/router.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Attempt } from "./attempt.ts";
import { explainLoss } from "./ending.ts";
import { Keepalive, leaseOf } from "./keepalive.ts";
import type { SessionSettings } from "./settings.ts";

/**
 * Nothing has been started. The first use tells which language is needed, and travels with the
 * preamble. If the interpreter is known, the session waits for one turn of the event loop only.
 */
interface Idle {
  readonly name: "idle";
  readonly timer: ReturnType<typeof setImmediate> | undefined;
}

/**
 * A child has been started, and its slave has not yet answered BOOT. Frames can be sent: they wait
 * in the child's input. The attempt keeps the deadline, and may replace the child by one that a
 * lender brings. Ends with the answer, with a failure to start, or by force.
 */
interface Launching {
  readonly name: "launching";
  readonly attempt: Attempt;
}

/**
 * The slave has answered. A session of a remote slave has a keepalive, because a network can fall
 * silent. A session stays ready for a moment after its link is closed, until the cause is known.
 */
interface Ready {
  readonly name: "ready";
  readonly launched: Launched;
  readonly keepalive: Keepalive | undefined;
}

/**
 * The end: all pending calls have been told the reason. Processes of the child may still be ending;
 * `gone` resolves after the last of them. A child that was handed over lives on in another session.
 */
interface Ended {
  readonly name: "ended";
  readonly reason: EcontextError;
  readonly wasReady: boolean;
}

type State = Idle | Launching | Ready | Ended;

/** What a session works with. */
export interface SessionParts {
  readonly router: Router;
  readonly launcher: Launcher;
  readonly supply: Supply;
  readonly logs: LogReceiver;
  /** Is told which ssh client connects, as of `LaunchPlan`. */
  readonly chosen?: LaunchPlan["chosen"];
}

export class ChildSession implements Session {
  readonly ready: Promise<SlaveInfo>;
  readonly gone: Promise<void>;
  readonly #settings: SessionSettings;
  readonly #parts: SessionParts;
  /** Present only with a lender, because another child may then take the place of the first. */
  readonly #replay: ReplayLink | undefined;
  readonly #settled: Promise<void>;
  #attempt: Attempt | undefined;
  readonly #ready = Promise.withResolvers<SlaveInfo>();
  readonly #gone = Promise.withResolvers<void>();
  #state: State;

  constructor(settings: SessionSettings, parts: SessionParts) {
    const { interpreter, lender } = settings;
    this.#settings = settings;
    this.#parts = parts;
    this.#replay = lender === undefined ? undefined : new ReplayLink();
    this.ready = this.#ready.promise;
    this.gone = this.#gone.promise;
    // A failure is also told by the first call, so that the user need not wait for `ready`.
    this.#settled = this.ready.then(
      () => {},
      () => {},
    );
    const isKnown = interpreter !== undefined;
    this.#state = {
      name: "idle",
      timer: isKnown ? setImmediate(() => this.start("any")) : undefined,
    };
    if (isKnown) this.#speaks(languageOfPlan(planFor("any", interpreter)));
  }

  start(wants: Wants): void {
    if (this.#state.name !== "idle") return;
    clearImmediate(this.#state.timer);
    const plan = planFor(wants, this.#settings.interpreter);
    this.#speaks(languageOfPlan(plan));
    const parts = { ...this.#parts, replay: this.#replay };
    const attempt = new Attempt(plan, this.#settings, parts, {
      booted: (slave, launched) => this.#booted(slave, launched),
      closed: (launched, reason) => void this.#closed(launched, reason),
    });
    this.#attempt = attempt;
    this.#state = { name: "launching", attempt };
  }

  isReady(): boolean {
    const state = this.#state;
    return state.name === "ready" || (state.name === "ended" && state.wasReady);
  }

  reason(): EcontextError | undefined {
    return this.#state.name === "ended" ? this.#state.reason : undefined;
  }

  /** When the session was last waiting for an answer, on `performance.now`. */
  lastAsked(): number {
    return this.#attempt?.lastAsked() ?? Number.NEGATIVE_INFINITY;
  }

  language(): Language | undefined {
    return this.#parts.supply.language;
  }

  /** The cores that the child has read before its boot arguments, in this order. */
  cores(): readonly Uint8Array[] {
    return this.#attempt?.cores ?? [];
  }

  mapStack(text: string): string {
    return this.#parts.supply.mapStack(text);
  }

  settled(): Promise<void> {
    return this.#settled;
  }

  async writable(): Promise<void> {
    const isFull = (this.#replay?.bytes ?? 0) > LIMITS.maxQueuedBytes;
    if (isFull) await this.settled();
    await this.#launched?.ready();
  }

  queuedBytes(): number {
    return Math.max(this.#launched?.queuedBytes ?? 0, this.#replay?.bytes ?? 0);
  }

  offer(modules: readonly string[], needs: readonly string[], root?: string): void {
    const { supply, router } = this.#parts;
    if (root !== undefined) supply.addRoot(root);
    const early = this.#state.name === "ready" ? supply.prepare(modules) : [];
    if (early.length > 0) {
      this.#sendAll(early);
      // The slave is at work while the next line reads files.
      router.flush(this.#settings.id);
    }
    this.#sendAll(supply.offer(modules, needs));
  }

  /**
   * Answers a `GET_MODULE` of this context.
   *
   * @throws {ProtocolError} the request is malformed
   */
  answerModule({ reply, body }: { readonly reply: number; readonly body: Uint8Array }): void {
    const answer = reply === 0 ? undefined : this.#parts.supply.answer(body);
    if (answer === undefined) return;
    this.#sendAll(answer.before ?? []);
    this.#send(reply, answer, "answer");
  }

  /** Sends no ping any more: the slave reads nothing behind what is sent next. */
  quiet(): void {
    if (this.#state.name === "ready") this.#state.keepalive?.stop();
  }

  /**
   * Hands the child over. It does not belong to this session any more, and sends nothing until it
   * is launched anew.
   *
   * @returns undefined if the session is not ready
   */
  release(): Launched | undefined {
    if (this.#state.name !== "ready") return undefined;
    const { launched } = this.#state;
    const message = `${this.#settings.name}: it was handed over`;
    this.#end(new DisconnectError("ERR_DISCONNECT_CLOSED", message));
    this.#gone.resolve();
    return launched;
  }

  sever(reason: EcontextError): void {
    const state = this.#state;
    if (state.name === "launching") state.attempt.sever(reason);
    else if (state.name === "ready") state.launched.close(reason);
    else if (state.name === "idle") {
      this.#end(reason);
      this.#gone.resolve();
    }
  }

  get #launched(): Launched | undefined {
    if (this.#state.name === "launching") return this.#state.attempt.launched;
    return this.#state.name === "ready" ? this.#state.launched : undefined;
  }

  #speaks(language: Language | undefined): void {
    if (language !== undefined) this.#parts.supply.speaks(language);
  }

  #sendAll(messages: readonly ModuleMessage[]): void {
    for (const message of messages) this.#send(message.handle, message, "bulk");
  }

  #send(handle: number, { body, flags }: Supplied, lane: "bulk" | "answer"): void {
    this.#parts.router.send({ dst: this.#settings.id, handle, flags }, [body], lane);
  }

  #booted(slave: SlaveInfo, launched: Launched): void {
    this.#speaks(languageOf(slave.kind));
    this.#state = { name: "ready", launched, keepalive: this.#keepAlive(launched, slave) };
    this.#ready.resolve(slave);
    const alarm = this.#settings.transport.alarm?.(launched.stderr);
    if (alarm !== undefined) this.#parts.logs.say("warning", alarm);
  }

  #keepAlive(launched: Launched, { kind }: SlaveInfo): Keepalive | undefined {
    const { id, name, via } = this.#settings;
    const leaseMs = leaseOf(this.#settings);
    if (leaseMs === 0) return undefined;
    const close = (reason: EcontextError): void => launched.close(reason);
    const parts = { leaseMs, via, language: languageOf(kind), router: this.#parts.router, close };
    return new Keepalive({ id, name, ...parts });
  }

  async #closed(launched: Launched, reason: EcontextError | undefined): Promise<void> {
    if (this.#state.name === "ended") return;
    const why = placed(reason ?? (await this.#explain(launched)), this.#settings);
    this.#end(this.#settings.reworded?.(why) ?? why);
    await launched.gone;
    this.#gone.resolve();
  }

  async #explain(launched: Launched): Promise<EcontextError> {
    const { error, printed } = await explainLoss(this.#settings, launched);
    if (printed !== "") this.#parts.logs.printed("stderr", printed);
    return error;
  }

  /** All that wait for the slave are told the reason. */
  #end(reason: EcontextError): void {
    this.#parts.logs.end();
    const state = this.#state;
    if (state.name === "idle") clearImmediate(state.timer);
    if (state.name === "ready") state.keepalive?.stop();
    this.#state = { name: "ended", reason, wasReady: this.isReady() };
    this.#ready.reject(reason);
    this.#parts.router.remove(this.#settings.id, reason);
  }
}

/** @returns the reason, naming the context that it is of; it may be that of a hop on the way */
function placed(reason: EcontextError, { name }: SessionSettings): EcontextError {
  if (reason.hop !== undefined) return reason;
  if (!(reason instanceof ProtocolError)) return Object.assign(reason, { hop: name });
  const { code, message } = reason;
  const told = new ProtocolError(code, `${name}: ${message}`, { cause: reason });
  return Object.assign(told, { hop: name });
}
