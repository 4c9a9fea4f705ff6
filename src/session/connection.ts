/**
 * Connection: the life of one child, from its argument vector to its last byte: spawn, preamble, stream, keepalive, end, reap.
 * It is the `Session` of its context. Knows nothing of calls.
 *
 * States: `late` until the first use (where the kind is known, for one turn of the event loop at most), `starting` until the slave has answered
 * BOOT, `ready`, `ended` (`reason` says why).
 */
import { randomBytes } from "node:crypto";
import { sendPing } from "../calls/ping.ts";
import type { Session, SlaveInfo } from "../context/session.ts";
import { DisconnectError, EcontextError, ProtocolError, TimeoutError } from "../errors.ts";
import { firstStage } from "../interpreters/first-stage.ts";
import {
  type Interpreter,
  isKind,
  type Language,
  languageOf,
  type Wants,
} from "../interpreters/kind.ts";
import { isLendable, type Plan } from "../interpreters/plan.ts";
import { preamble } from "../interpreters/preamble.ts";
import { describeEnding, lastWordsOf } from "../launch/ending.ts";
import { explainBootstrap } from "../launch/explain.ts";
import type { Handover, Lender } from "../launch/handover.ts";
import { Child } from "../launch/local-child.ts";
import { MarkerScanner } from "../launch/marker.ts";
import { sweepGroup } from "../launch/process-group.ts";
import { LEVELS } from "../logs/log.ts";
import type { Finders } from "../modules/finders.ts";
import { JavaScriptResponder } from "../modules/javascript/responder.ts";
import { PythonResponder } from "../modules/python/responder.ts";
import { mapTraceback } from "../modules/python/traceback.ts";
import { deflate, type ModuleResponder, plain } from "../modules/responder.ts";
import type { Unpacking } from "../modules/unpack-list.ts";
import { ReplayLink } from "../mux/replay-link.ts";
import type { Router } from "../mux/router.ts";
import { Stream } from "../mux/stream.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { HANDLES, MASTER_ID } from "../protocol/handles.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import { neutralise } from "../text.ts";
import type { Transport } from "../transports/transport.ts";

export interface ConnectionSettings {
  readonly id: number;
  readonly name: string;
  readonly transport: Transport;
  /** Undefined: it is started by the first call, which knows what it needs. */
  readonly interpreter: Interpreter | undefined;
  readonly argv0: string;
  readonly level: number;
  /** Milliseconds from spawning to the slave's answer. */
  readonly connectMs: number;
  /** Milliseconds of silence after which a remote stream is given up, by both ends. */
  readonly leaseMs: number;
  /** Packages that its modules' responder makes real files of. */
  readonly unpacking: Unpacking;
  /** Where there is no JavaScript, it may bring one along. */
  readonly lender?: Lender | undefined;
}

/** Why another interpreter may be brought along. */
const LENDABLE: readonly string[] = ["ERR_BOOTSTRAP_NO_INTERPRETER", "ERR_BOOTSTRAP_TOO_OLD"];
/** What a child has to end by itself after its stream is closed; its guard needs three quarters of a second. */
const REAP_MS = 3000;

/** A child that was started, and the way that its bytes take. */
interface Live {
  readonly plan: Plan;
  readonly child: Child;
  readonly scanner: MarkerScanner;
  readonly stream: Stream;
  /** Where its answer to BOOT goes. */
  readonly reply: number;
}

export class Connection implements Session {
  readonly ready: Promise<SlaveInfo>;
  readonly gone: Promise<void>;
  readonly #settings: ConnectionSettings;
  readonly #router: Router;
  readonly #finders: Finders;
  #live: Live | undefined;
  /** Where another child may take the place of the first. */
  readonly #held: ReplayLink | undefined;
  /** Asked for while there was no stream to close. */
  #severed: EcontextError | undefined;
  /** Known with the plan, or when the slave has said what it is. */
  #language: Language | undefined;
  #responder: ModuleResponder | undefined;
  #reason: EcontextError | undefined;
  #slave: SlaveInfo | undefined;
  /** Process group of a slave on this machine. */
  #group: number | undefined;
  #startTimer: ReturnType<typeof setImmediate> | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #keepalive: ReturnType<typeof setInterval> | undefined;
  #setReady: (info: SlaveInfo) => void = () => {};
  #setFailed: (reason: EcontextError) => void = () => {};
  #setGone: () => void = () => {};

  constructor(settings: ConnectionSettings, router: Router, finders: Finders) {
    this.#settings = settings;
    this.#router = router;
    this.#finders = finders;
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve;
      this.#setFailed = reject;
    });
    // Nobody has to wait for it: the first call tells.
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      this.#setGone = resolve;
    });
    const { interpreter, lender } = settings;
    this.#held = lender === undefined ? undefined : new ReplayLink();
    // What is needed is said by the first use, which travels with the preamble. Where it is known, nobody has to wait for that.
    if (interpreter === undefined) return;
    this.#speaks(languageOf(interpreter.kind));
    this.#startTimer = setImmediate(() => this.start("any"));
  }

  start(wants: Wants): void {
    if (this.#live !== undefined || this.#reason !== undefined) return;
    if (this.#startTimer !== undefined) clearImmediate(this.#startTimer);
    const { transport, interpreter, connectMs, lender } = this.#settings;
    // Who lends a Bun wants JavaScript.
    const needed = wants === "any" && lender !== undefined ? "javascript" : wants;
    const plan = { wants: needed, kind: interpreter?.kind, path: interpreter?.path };
    if (interpreter === undefined && needed !== "any") this.#speaks(needed);
    this.#boot(plan, new Child(transport.wrap(firstStage(plan)), !transport.asks));
    this.#connectTimer = setTimeout(() => this.#tooLate(), connectMs);
    const lease = this.#lease;
    if (lease > 0) this.#keepalive = setInterval(() => this.#ping(), lease / 3).unref();
  }

  /** Milliseconds; 0 where no network can fall silent. */
  get #lease(): number {
    const { transport, leaseMs } = this.#settings;
    return transport.remote ? leaseMs : 0;
  }

  /** Have a first stage started that a child runs, or will. */
  #boot(plan: Plan, child: Child): void {
    const { id, name, argv0, level } = this.#settings;
    const nonce = randomBytes(16).toString("base64url");
    const scanner = new MarkerScanner(child, nonce);
    const stream: Stream = new Stream(scanner, {
      message: (message) => this.#router.deliver(link, message),
      isBehind: (context) => this.#router.isBehind(link, context),
      fault: (context, error) => this.#router.fault(context, error),
      closed: (error) => void this.#ended(error),
    });
    const link = this.#held ?? stream;
    const reply = this.#router.expect(id, {
      receive: (message) => this.#booted(reply, message),
      dead: () => {},
    });
    this.#live = { plan, child, scanner, stream, reply };
    this.#router.addRoute(id, { link, parent: MASTER_ID, close: (error) => stream.close(error) });
    const lease = this.#lease;
    const rate = LIMITS.logBytesPerSecond;
    // Unasked, and before anything is heard: that is what makes the first result cost one round trip.
    stream.begin(preamble({ id, nonce, name, argv0, level, lease, rate }, plan, reply));
    this.#held?.lead(stream);
  }

  language(): Language | undefined {
    return this.#language;
  }

  #speaks(language: Language): void {
    if (this.#language !== undefined) return;
    this.#language = language;
    this.#responder =
      language === "python"
        ? new PythonResponder(this.#finders.python, this.#settings.unpacking)
        : new JavaScriptResponder(this.#finders.javascript, {
            sharesDisk: !this.#settings.transport.remote,
            unpacking: this.#settings.unpacking,
          });
  }

  mapStack(text: string): string {
    if (this.#language === "python") return mapTraceback(text, this.#finders.python);
    return this.#finders.javascript.mapStack(text);
  }

  reason(): EcontextError | undefined {
    return this.#reason;
  }

  isReady(): boolean {
    return this.#slave !== undefined;
  }

  async writable(): Promise<void> {
    const isFull = (this.#held?.bytes ?? 0) > LIMITS.maxQueuedBytes;
    if (this.#language === undefined || isFull) await this.ready.catch(() => {});
    await this.#live?.stream.ready(this.#settings.id);
  }

  queuedBytes(): number {
    return Math.max(this.#live?.stream.queuedBytes(this.#settings.id) ?? 0, this.#held?.bytes ?? 0);
  }

  offer(modules: readonly string[], needs: readonly string[], root?: string): void {
    if (root !== undefined) this.#finders.python.addRoot(root);
    const body = this.#responder?.offer(modules, needs);
    if (body === undefined) return;
    const to = { dst: this.#settings.id, handle: HANDLES.LOAD_MODULE, flags: FLAGS.DEFLATE };
    this.#router.send(to, [deflate(body)]);
  }

  /**
   * Answer a `GET_MODULE` of this context.
   *
   * @throws {ProtocolError} when it is no request
   */
  answerModule(message: Message): void {
    if (message.reply === 0 || this.#responder === undefined) return;
    const { body, isText } = this.#responder.answer(message.body);
    const to = { dst: this.#settings.id, handle: message.reply, flags: isText ? FLAGS.DEFLATE : 0 };
    this.#router.send(to, [isText ? deflate(body) : plain(body)], "answer");
  }

  /** It took a step: the time for it begins anew. */
  progress(): void {
    this.#connectTimer?.refresh();
  }

  /** Send nothing by itself any more: a call that is made after this is read behind all that was sent. */
  quiet(): void {
    clearInterval(this.#keepalive);
  }

  /** Let go of the child, which goes on under another connection. It answers to nobody until that listens. */
  release(): Handover | undefined {
    if (this.#live === undefined || this.#reason !== undefined) return undefined;
    const { child } = this.#live;
    clearTimeout(this.#connectTimer);
    this.quiet();
    const { id, name } = this.#settings;
    this.#reason = new DisconnectError("ERR_DISCONNECT_CLOSED", `${name}: it was handed over`);
    this.#router.remove(id, this.#reason);
    this.#live = undefined;
    this.#setGone();
    return { child, group: this.#group };
  }

  sever(reason: EcontextError): void {
    this.#severed ??= reason;
    this.#settings.lender?.sever(reason);
    this.#live?.stream.close(reason);
    if (this.#live !== undefined || this.#reason !== undefined) return;
    // It never was.
    if (this.#startTimer !== undefined) clearImmediate(this.#startTimer);
    this.#reason = reason;
    this.#setFailed(reason);
    this.#router.remove(this.#settings.id, reason);
    this.#setGone();
  }

  #booted(reply: number, message: Message): void {
    this.#router.forget(this.#settings.id, reply);
    const info = decodeValue(message.body);
    if (!Array.isArray(info) || info.length !== 4 || typeof info[2] !== "number") {
      throw new ProtocolError(
        "ERR_PROTOCOL_VALUE",
        "malformed reply to BOOT: expected [kind, version, pid, executable]",
      );
    }
    clearTimeout(this.#connectTimer);
    this.#held?.settle();
    const [kind, version, , executable] = info.map(String) as [string, string, string, string];
    if (!isKind(kind) || languageOf(kind) !== (this.#language ?? languageOf(kind))) {
      throw new ProtocolError(
        "ERR_PROTOCOL_VALUE",
        "a reply to BOOT from an interpreter of another kind",
      );
    }
    this.#slave = { kind, version, pid: info[2], executable };
    this.#speaks(languageOf(kind));
    const child = this.#live?.child;
    // A Python has a group of its own: believed only as far as the system says so too. JavaScript stays in its guard's.
    if (!this.#settings.transport.remote && this.#group === undefined) {
      if (languageOf(kind) === "javascript") this.#group = child?.pid;
      else if (child?.isParentOf(info[2]) === true) this.#group = info[2];
    }
    this.#setReady(this.#slave);
  }

  #tooLate(): void {
    const { name, connectMs } = this.#settings;
    const { scanner, child } = this.#live ?? {};
    const said = neutralise(`${scanner?.noise ?? ""}\n${child?.stderr ?? ""}`.trim());
    const heard = said === "" ? "it said nothing" : `it said: ${said.slice(-500)}`;
    this.sever(
      new TimeoutError(
        "ERR_DEADLINE_CONNECT",
        `${name}: no answer within ${connectMs} ms; ${heard}`,
      ),
    );
  }

  #ping(): void {
    const { id, name, leaseMs } = this.#settings;
    // While it starts, the deadline of the connect decides.
    if (this.#slave === undefined) return;
    if (performance.now() - this.#router.heardAt(id) > leaseMs) {
      const message = `${name}: nothing was heard for ${leaseMs} ms`;
      this.sever(new DisconnectError("ERR_DISCONNECT_SILENT", message));
      return;
    }
    sendPing({ id, router: this.#router });
  }

  /** The stream is closed, by whichever end. Everyone who waits is told as soon as it is known why. */
  async #ended(error: EcontextError | undefined): Promise<void> {
    const { id, name, transport } = this.#settings;
    if (this.#live === undefined) return;
    const { child, scanner, plan, reply } = this.#live;
    // Before there is a context there is nothing to be graceful to. But ssh closes our pipe before it ends with the status that we wait for.
    if (!scanner.open && error !== undefined) {
      // Its guard ignores what it is told, and what does not answer may not read, either.
      if (transport.remote || transport.asks) child.kill("SIGTERM");
      else child.killGroup();
    }
    const reaper = setTimeout(() => child.kill("SIGKILL"), REAP_MS);
    if (error === undefined && !scanner.open) {
      // What it printed last is the useful part: both pipes are drained before anything is said.
      const ending = await child.ended;
      clearTimeout(reaper);
      const missing = explainBootstrap({ name, transport, plan, child, ending, scanner });
      this.#router.forget(this.#settings.id, reply);
      const failure = await this.#replace(plan, missing);
      if (failure === undefined) return;
      this.#reason = failure;
    } else {
      this.#reason = error ?? (await this.#explainEnd(child, scanner.marker));
    }
    clearTimeout(this.#connectTimer);
    clearInterval(this.#keepalive);
    this.#setFailed(this.#reason);
    this.#router.remove(id, this.#reason);
    const { signal } = await child.ended;
    clearTimeout(reaper);
    // Its guard sees to it that nothing is left of a slave. On this machine, we see to it when somebody has killed the guard.
    if (this.#group !== undefined && signal !== undefined) await sweepGroup(this.#group);
    this.#setGone();
  }

  /** Have an interpreter brought where none was found. @returns why there is none still */
  async #replace(plan: Plan, missing: EcontextError): Promise<EcontextError | undefined> {
    const { lender } = this.#settings;
    if (lender === undefined || !isLendable(plan) || !LENDABLE.includes(missing.code))
      return missing;
    if (this.#severed !== undefined) return this.#severed;
    this.#held?.lead(undefined);
    try {
      const { plan: lent, child, group } = await lender.lend(missing);
      this.#group = group;
      if (this.#severed !== undefined) {
        child.close();
        return this.#severed;
      }
      return void this.#boot(lent, child);
    } catch (error) {
      if (error instanceof EcontextError) return this.#severed ?? error;
      throw error;
    }
  }

  async #explainEnd(child: Child, marker: string): Promise<EcontextError> {
    const { name, transport, level } = this.#settings;
    // A stream that ends is mostly followed by the end of its process, which says more. Not for long: callers wait.
    const ending = await Promise.race([
      child.ended,
      new Promise<undefined>((resolve) => setTimeout(resolve, 500, undefined).unref()),
    ]);
    const { stderr, words } = lastWordsOf(child.stderr, marker);
    if (words !== "" && level <= LEVELS.info) this.#print(words);
    const details = describeEnding(transport, ending, stderr);
    const message = `${name}: the far side ended${details === "" ? "" : ` (${details})`}`;
    return new DisconnectError("ERR_DISCONNECT_LOST", message);
  }

  /** What user code had printed, and the slave could not send any more. */
  #print(text: string): void {
    const { id } = this.#settings;
    const link = this.#router.linkOf(id);
    if (link === undefined) return;
    const { chunks } = encodeValue([LEVELS.info, "stderr", text, Date.now() / 1000]);
    const envelope = { dst: MASTER_ID, src: id, auth: id, reply: 0, flags: 0 };
    const body = Buffer.concat(chunks);
    this.#router.deliver(link, { ...envelope, handle: HANDLES.FORWARD_LOG, body });
  }
}
