/**
 * Connection: the life of one child, from its argument vector to its last byte: spawn, preamble, stream, keepalive, end, reap.
 * It is the `Lifeline` of its context. Knows nothing of calls.
 *
 * States: `starting` until the slave has answered BOOT, `ready`, `ended` (`reason` says why).
 */
import { randomBytes } from "node:crypto";
import { Child } from "./bootstrap/child.ts";
import { explainBootstrap } from "./bootstrap/explain.ts";
import { firstStage } from "./bootstrap/first-stage.ts";
import { Handshake } from "./bootstrap/handshake.ts";
import { pythonPreamble } from "./bootstrap/preamble.ts";
import type { Lifeline, SlaveInfo } from "./context.ts";
import { DisconnectError, type EcontextError, ProtocolError, TimeoutError } from "./errors.ts";
import type { PythonFinder } from "./modules/python-finder.ts";
import { deflate, ModuleResponder } from "./modules/responder.ts";
import { FLAGS, type Message } from "./protocol/frame.ts";
import { HANDLES } from "./protocol/handles.ts";
import { LIMITS } from "./protocol/limits.ts";
import { decodeValue, encodeValue } from "./protocol/value.ts";
import type { Router } from "./router.ts";
import { Stream } from "./stream.ts";
import { neutralise } from "./text.ts";
import type { Transport } from "./transport/transport.ts";

export interface ConnectionSettings {
  readonly id: number;
  readonly name: string;
  readonly transport: Transport;
  readonly interpreter: string | undefined;
  readonly argv0: string;
  readonly level: number;
  /** Milliseconds from spawning to the slave's answer. */
  readonly connectMs: number;
  /** Milliseconds of silence after which a remote stream is given up, by both ends. */
  readonly leaseMs: number;
}

/** What a child has to end by itself after its stream is closed; its guard needs three quarters of a second. */
const REAP_MS = 3000;
/** What a slave without a guard has to end by itself. */
const SWEEP_MS = 800;
export class Connection implements Lifeline {
  readonly ready: Promise<SlaveInfo>;
  readonly gone: Promise<void>;
  readonly #settings: ConnectionSettings;
  readonly #router: Router;
  readonly #child: Child;
  readonly #handshake: Handshake;
  readonly #stream: Stream;
  readonly #responder: ModuleResponder;
  #reason: EcontextError | undefined;
  /** While it is not 0, silence is our own doing. */
  #pauses = 0;
  #slave: SlaveInfo | undefined;
  /** Process group of a slave on this machine. */
  #group: number | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #keepalive: ReturnType<typeof setInterval> | undefined;
  #setReady: (info: SlaveInfo) => void = () => {};
  #setFailed: (reason: EcontextError) => void = () => {};
  #setGone: () => void = () => {};

  constructor(settings: ConnectionSettings, router: Router, finder: PythonFinder) {
    this.#settings = settings;
    this.#router = router;
    this.#responder = new ModuleResponder(finder);
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve;
      this.#setFailed = reject;
    });
    // Nobody has to wait for it: the first call tells.
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      this.#setGone = resolve;
    });

    const { id, name, transport, interpreter, argv0, level, leaseMs } = settings;
    const nonce = randomBytes(16).toString("base64url");
    this.#child = new Child(transport.wrap(firstStage({ interpreter })), !transport.asks);
    this.#handshake = new Handshake(this.#child, nonce);
    this.#stream = new Stream(this.#handshake, {
      message: (message) => this.#router.deliver(id, message),
      closed: (error) => void this.#ended(error),
    });
    router.addRoute(id, this.#stream);
    const reply = router.expect(id, {
      receive: (message) => this.#booted(reply, message),
      dead: () => {},
    });
    const lease = transport.remote ? leaseMs : 0;
    const rate = LIMITS.logBytesPerSecond;
    // Unasked, and before anything is heard: that is what makes the first result cost one round trip.
    this.#child.write(pythonPreamble({ id, nonce, name, argv0, level, lease, rate }, reply));
    this.#connectTimer = setTimeout(() => this.#tooLate(), settings.connectMs);
    if (lease > 0) this.#keepalive = setInterval(() => this.#ping(), lease / 3).unref();
  }

  get slave(): SlaveInfo | undefined {
    return this.#slave;
  }

  reason(): EcontextError | undefined {
    return this.#reason;
  }

  isReady(): boolean {
    return this.#slave !== undefined;
  }

  writable(): Promise<void> {
    return this.#stream.ready();
  }

  queuedBytes(): number {
    return this.#stream.queuedBytes;
  }

  offer(modules: readonly string[], needs: readonly string[]): void {
    const body = this.#responder.offer(modules, needs);
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
    if (message.reply === 0) return;
    if (this.#stream.queuedBytes > 2 * LIMITS.maxMessageBytes) {
      throw new ProtocolError("ERR_PROTOCOL_BACKLOG", "the far side asks and does not read");
    }
    const { body, isText } = this.#responder.answer(message.body);
    const to = { dst: this.#settings.id, handle: message.reply, flags: isText ? FLAGS.DEFLATE : 0 };
    this.#router.send(to, [isText ? deflate(body) : body]);
  }

  pause(): void {
    if (this.#pauses++ === 0) this.#stream.pause();
  }

  resume(): void {
    if (--this.#pauses > 0) return;
    this.#stream.resume();
  }

  sever(reason: EcontextError): void {
    this.#stream.close(reason);
  }

  #booted(reply: number, message: Message): void {
    this.#router.forget(reply);
    const info = decodeValue(message.body);
    if (!Array.isArray(info) || info.length !== 4 || typeof info[2] !== "number") {
      throw new ProtocolError("ERR_PROTOCOL_VALUE", "an answer to BOOT that is none");
    }
    clearTimeout(this.#connectTimer);
    const [kind, version, , executable] = info.map(String) as [string, string, string, string];
    this.#slave = { kind, version, pid: info[2], executable };
    // What a slave says of itself is believed only as far as the system says so too.
    const isOurs = !this.#settings.transport.remote && this.#child.isParentOf(info[2]);
    if (isOurs) this.#group = info[2];
    this.#setReady(this.#slave);
  }

  #tooLate(): void {
    const { name, connectMs } = this.#settings;
    const said = neutralise(`${this.#handshake.noise}\n${this.#child.stderr}`.trim());
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
    if (this.#pauses === 0 && performance.now() - this.#stream.heardAt > leaseMs) {
      const message = `${name}: nothing was heard for ${leaseMs} ms`;
      this.sever(new DisconnectError("ERR_DISCONNECT_SILENT", message));
      return;
    }
    const reply = this.#router.expect(id, { receive: () => this.#router.forget(reply) });
    this.#router.send({ dst: id, handle: HANDLES.PING, reply }, encodeValue(null).chunks, true);
  }

  /** The stream is closed, by whichever end. Everyone who waits is told as soon as it is known why. */
  async #ended(error: EcontextError | undefined): Promise<void> {
    clearTimeout(this.#connectTimer);
    clearInterval(this.#keepalive);
    const { id, name, transport, interpreter } = this.#settings;
    const child = this.#child;
    // Before there is a context there is nothing to be graceful to.
    if (!this.#handshake.open) child.kill("SIGTERM");
    const reaper = setTimeout(() => child.kill("SIGKILL"), REAP_MS);
    if (error === undefined && !this.#handshake.open) {
      // What it printed last is the useful part: both pipes are drained before anything is said.
      const ending = await child.ended;
      const circumstances = { name, transport, interpreter, child, ending };
      this.#reason = explainBootstrap({ ...circumstances, handshake: this.#handshake });
    } else {
      this.#reason = error ?? (await this.#explainEnd());
    }
    this.#setFailed(this.#reason);
    this.#router.removeRoute(id, this.#reason);
    const { signal } = await child.ended;
    clearTimeout(reaper);
    if (this.#group !== undefined && signal !== undefined) await this.#sweep(this.#group);
    this.#setGone();
  }

  async #explainEnd(): Promise<EcontextError> {
    const { name, transport } = this.#settings;
    // A stream that ends is mostly followed by the end of its process, which says more. Not for long: callers wait.
    const ending = await Promise.race([
      this.#child.ended,
      new Promise<undefined>((resolve) => setTimeout(resolve, 500, undefined).unref()),
    ]);
    const status =
      ending?.signal ?? (ending?.status === undefined ? "" : `status ${ending.status}`);
    const why = transport.explain(ending?.status, this.#child.stderr)?.message ?? status;
    const said = neutralise(this.#child.stderr.trim().split("\n").slice(-3).join("; "));
    const details = [why, said].filter(Boolean).join(": ");
    const message = `${name}: the far side ended${details === "" ? "" : ` (${details})`}`;
    return new DisconnectError("ERR_DISCONNECT_LOST", message);
  }

  /** Its guard sees to it that nothing is left of a slave. On this machine, we see to it when somebody has killed the guard. */
  async #sweep(group: number): Promise<void> {
    for (let left = SWEEP_MS; ; left -= 20) {
      try {
        process.kill(-group, left > 0 ? 0 : "SIGKILL");
      } catch {
        return; // nobody is left
      }
      if (left <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
