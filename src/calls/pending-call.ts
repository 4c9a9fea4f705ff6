/**
 * One call between its caller and its answer: who waits for it, how long, and what becomes of it when nobody does any more.
 * Knows the router and the protocol; what it needs of its context is its `CallHost`.
 */

import { CancelledError, DisconnectError, type EcontextError, TimeoutError } from "../errors.ts";
import type { Receiver, Router, Withdraw } from "../mux/router.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { HANDLES } from "../protocol/handles.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import { neutralise } from "../text.ts";
import type { CallSite } from "../traces/call-site.ts";
import { calledFrom } from "../traces/error-stack.ts";
import { type CallLimits, decodeFailure } from "./callee.ts";
import { RemoteGenerator } from "./remote-generator.ts";

/** What calls share: one for each context. */
export interface CallHost {
  readonly id: number;
  readonly name: string;
  /** Milliseconds that a cancelled call has to end. */
  readonly graceMs: number;
  readonly router: Router;
  decode(body: Uint8Array): unknown;
  mapStack(text: string): string;
  /** A cancelled call did not end in time. */
  hung(call: string): void;
  /** Nobody waits for one of its calls any more. */
  settled(): void;
}

/** What calls of our own functions are called in messages: those are nobody else's business. */
const OWN: Readonly<Record<string, string>> = {
  "econtext.commands": "the command",
  "econtext.files": "the copy",
  "econtext.channels": "the generator",
};

function nameOf(callee: string): string {
  return OWN[callee.slice(0, callee.indexOf(":"))] ?? callee;
}

export class PendingCall implements Receiver {
  readonly #host: CallHost;
  readonly #name: string;
  readonly #limits: CallLimits;
  /** Absent where a caller of econtext's own says where it was called. */
  readonly #site: CallSite | undefined;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onAbort: (() => void) | undefined;
  /** What its reply comes to; 0 until it is sent. */
  #handle = 0;
  #withdraw: Withdraw | undefined;
  #isSettled = false;
  #begun = 0;
  #unheard: (() => void) | undefined;
  #torn: (() => void) | undefined;

  /** @throws {CancelledError} when the signal is aborted already */
  constructor(
    host: CallHost,
    name: string,
    limits: CallLimits,
    site: CallSite | undefined,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#host = host;
    this.#name = nameOf(name);
    this.#limits = limits;
    this.#site = site;
    this.#resolve = resolve;
    this.#reject = reject;
    const { deadline, signal } = limits;
    if (deadline !== undefined) this.#begun = performance.now();
    if (signal?.aborted) throw this.#cancelled();
    if (deadline !== undefined) {
      this.#timer = setTimeout(() => this.#giveUp(this.#late(), "deadline"), deadline);
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.#giveUp(this.#cancelled(), "cancelled");
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Whether its caller waits no more. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /**
   * @param unheard is called if the far side never looks into it
   * @param torn is called if it was torn out of it
   */
  send(body: readonly Uint8Array[], unheard: () => void, torn: () => void): void {
    const { id, router } = this.#host;
    this.#unheard = unheard;
    this.#torn = torn;
    this.#handle = router.expect(id, this);
    const to = { dst: id, handle: HANDLES.CALL_FUNCTION, reply: this.#handle };
    this.#withdraw = router.send(to, body);
  }

  #fail(error: unknown): void {
    this.#reject(this.#site === undefined ? error : calledFrom(error, this.#site));
  }

  /** It could not be sent. */
  fail(error: unknown): void {
    this.#settle();
    this.#fail(error);
  }

  /** The answer. */
  receive({ flags, body }: Message): void {
    try {
      if (flags & FLAGS.ERROR) {
        const { name, mapStack } = this.#host;
        const failure = decodeFailure(name, body, mapStack);
        const isCancelled = failure.type === "econtext.Cancelled";
        // Its last word before it ends: the end of the stream says why.
        if (isCancelled && failure.remoteMessage === "disconnected") return;
        if (isCancelled && failure.remoteMessage === "") this.#unheard?.();
        else if (isCancelled) this.#torn?.();
        // Its clock may be the first to see the deadline pass.
        const isLate = isCancelled && this.#limits.deadline !== undefined;
        this.#fail(isLate ? this.#late() : failure);
      } else if (flags & FLAGS.DEAD) this.#fail(this.#refused(body));
      else this.#answered(this.#host.decode(body));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    this.#host.router.forget(this.#host.id, this.#handle);
    this.#settle();
  }

  #answered(value: unknown): void {
    // The answer was on its way when it was given up: nobody will iterate that.
    if (this.#isSettled && value instanceof RemoteGenerator) void value.return().catch(() => {});
    this.#resolve(this.#limited(value));
  }

  /** Its context is gone. */
  dead(reason: EcontextError): void {
    this.#settle();
    this.#fail(reason);
  }

  /** The caller is free at once. The handle stays until the far side has let go of the call. */
  #giveUp(error: EcontextError, why: "deadline" | "cancelled"): void {
    this.#settle();
    this.#fail(error);
    if (this.#withdraw === undefined) return;
    const { id, router, graceMs } = this.#host;
    const progress = this.#withdraw();
    if (progress === "withdrawn") {
      router.forget(id, this.#handle);
      this.#unheard?.();
      return;
    }
    // Until the answer comes.
    this.#timer = setTimeout(() => this.#host.hung(this.#name), graceMs);
    const { chunks } = encodeValue([this.#handle, why]);
    // It must not overtake the call that it cancels.
    router.send(
      { dst: id, handle: HANDLES.CANCEL },
      chunks,
      progress === "sent" ? "control" : "bulk",
    );
  }

  /** There is nothing to give up any more. */
  #settle(): void {
    clearTimeout(this.#timer);
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#host.settled();
    if (this.#onAbort) this.#limits.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** A generator is limited as the call is that gave it. */
  #limited(value: unknown): unknown {
    if (!(value instanceof RemoteGenerator)) return value;
    const { deadline, signal } = this.#limits;
    const left = deadline === undefined ? undefined : this.#begun + deadline - performance.now();
    const limits = { deadline: left === undefined ? undefined : Math.max(0, left), signal };
    value.limit(limits, this.#site);
    return value;
  }

  #late(): TimeoutError {
    return new TimeoutError(
      "ERR_DEADLINE_CALL",
      `${this.#host.name}: ${this.#name} did not answer within ${this.#limits.deadline} ms; it is cancelled`,
    );
  }

  #cancelled(): CancelledError {
    return new CancelledError("ERR_CANCELLED", `${this.#host.name}: ${this.#name} was cancelled`, {
      cause: this.#limits.signal?.reason,
    });
  }

  #refused(body: Uint8Array): DisconnectError {
    const why = neutralise(String(decodeValue(body)));
    return new DisconnectError("ERR_DISCONNECT_DEAD", `${this.#host.name}: ${why}`);
  }
}
