/**
 * PendingCall: one call between its caller and its answer. It has the call's deadline and signal,
 * cancels the call on the remote side, and lets go of its senders. Knows the router, no session.
 */

import type { SentSenders } from "../channels/value-link.ts";
import { CancelledError, DisconnectError, type EcontextError, TimeoutError } from "../errors.ts";
import type { ContextLink } from "../mux/context-link.ts";
import type { Withdraw } from "../mux/link.ts";
import type { Receiver } from "../mux/router.ts";
import { FLAGS, type Message } from "../protocol/frame.ts";
import { HANDLES } from "../protocol/handles.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import { neutralise } from "../text.ts";
import type { CallSite } from "../traces/call-site.ts";
import { calledFrom } from "../traces/error-stack.ts";
import { type CallLimits, LATE_HINT } from "./options.ts";
import { decodeFailure } from "./payload.ts";
import { RemoteGenerator } from "./remote-generator.ts";

/** What the calls of one context share. `Caller` is one. */
export interface CallOwner {
  readonly link: ContextLink;
  /** Milliseconds that a cancelled call has to end. */
  readonly graceMs: number;
  decode(body: Uint8Array): unknown;
  /** Whether an interrupted function stops in the language of the slave. */
  stopsFunctions(): boolean;
  /** A cancelled call did not end in time. */
  hung(call: string): void;
  /** The caller of one of its calls waits no longer. */
  settled(): void;
  /** The call that tells that no other follows was given up before the slave had any of it. */
  withdrawn(): void;
}

export interface CallSettings {
  /** The name of the function. */
  readonly name: string;
  readonly limits: CallLimits;
  readonly senders: SentSenders;
  /** Where the user's program made the call; absent in calls of econtext's own. */
  readonly site: CallSite | undefined;
}

/** What messages call functions of econtext's own, whose names mean nothing to a user. */
const OWN: Readonly<Record<string, string>> = {
  "econtext.commands": "the command",
  "econtext.files": "the copy",
  "econtext.channels": "the generator",
};

function nameOf(callee: string): string {
  return OWN[callee.slice(0, callee.indexOf(":"))] ?? callee;
}

/**
 * Its caller is free when the answer comes, the deadline passes, the signal is aborted or the
 * context ends. A call that is given up keeps its handle until the slave has answered it.
 */
export class PendingCall implements Receiver {
  #owner: CallOwner;
  readonly #settings: CallSettings;
  #senders: SentSenders;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  /** The deadline; after the call was given up, the grace time. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onAbort: (() => void) | undefined;
  /** The handle of its reply; 0 until the call is sent. */
  #handle = 0;
  #withdraw: Withdraw | undefined;
  /** Whether the slave is told, with the call, that no other follows. */
  #isLast = false;
  #isSettled = false;
  /** When a call with a deadline was made, on the clock of `performance.now`. */
  #begun = 0;

  /** @throws {CancelledError} when the signal is aborted already */
  constructor(
    owner: CallOwner,
    settings: CallSettings,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#owner = owner;
    this.#settings = settings;
    this.#senders = settings.senders;
    this.#resolve = resolve;
    this.#reject = reject;
    const { deadline, signal } = settings.limits;
    if (signal?.aborted) {
      settings.senders.release("unread");
      throw this.#cancelled();
    }
    if (deadline !== undefined) {
      this.#begun = performance.now();
      this.#timer = setTimeout(() => this.#giveUp(this.#late(), "deadline"), deadline);
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.#giveUp(this.#cancelled(), "cancelled");
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Whether the caller waits no longer. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Another slave will do the call, which has not been sent yet. @param senders its arguments' */
  handOver(owner: CallOwner, senders: SentSenders): void {
    this.#owner.settled();
    this.#owner = owner;
    this.#senders = senders;
  }

  /** @param isLast the slave is told that no call follows */
  send(body: readonly Uint8Array[], isLast = false): void {
    const { id, router } = this.#owner.link;
    this.#handle = router.expect(id, this);
    const flags = isLast ? FLAGS.DEAD : 0;
    const to = { dst: id, handle: HANDLES.CALL_FUNCTION, reply: this.#handle, flags };
    this.#withdraw = router.send(to, body);
    this.#isLast = isLast;
  }

  /** The call could not be sent. */
  fail(error: unknown): void {
    this.#senders.release("unread");
    this.#settle();
    this.#fail(error);
  }

  /** Its caller gave the call up before it was sent. */
  drop(): void {
    this.#senders.release("unread");
  }

  /** The answer. */
  receive(message: Message): void {
    const { flags, body } = message;
    const { link } = this.#owner;
    try {
      if (flags & FLAGS.ERROR) {
        if (this.#isLastWord(body)) return;
      } else if (flags & FLAGS.DEAD) this.#fail(this.#refused(body));
      else this.#answered(this.#owner.decode(body));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    link.router.forget(link.id, this.#handle);
    this.#settle();
  }

  /** Its context is gone. */
  dead(reason: EcontextError): void {
    this.#settle();
    this.#fail(reason);
  }

  #fail(error: unknown): void {
    const { site } = this.#settings;
    this.#reject(site === undefined ? error : calledFrom(error, site));
  }

  /**
   * Takes a failure.
   *
   * @returns true if the slave only reports that its connection ends: why is known soon
   */
  #isLastWord(body: Uint8Array): boolean {
    const failure = decodeFailure(this.#owner.link, body);
    if (failure.type !== "econtext.Cancelled") {
      this.#fail(failure);
      return false;
    }
    const { limits } = this.#settings;
    if (failure.remoteMessage === "disconnected") return true;
    if (failure.remoteMessage === "") this.#senders.release("unread");
    else if (this.#owner.stopsFunctions()) this.#senders.release("interrupted");
    // The slave's clock may be the first to see the deadline pass.
    this.#fail(limits.deadline === undefined ? failure : this.#late());
    return false;
  }

  #answered(value: unknown): void {
    if (value instanceof RemoteGenerator) {
      // The call was given up while its answer was on its way: that generator has no reader.
      if (this.#isSettled) void value.return().catch(() => {});
      this.#limit(value);
    }
    this.#resolve(value);
  }

  /** A generator has what is left of the limits of the call that returned it. */
  #limit(generator: RemoteGenerator): void {
    const { limits, site } = this.#settings;
    const { deadline, signal } = limits;
    const left =
      deadline === undefined ? undefined : Math.max(0, this.#begun + deadline - performance.now());
    generator.limit({ deadline: left, signal }, site);
  }

  /** Frees the caller at once, and cancels the call. */
  #giveUp(error: EcontextError, why: "deadline" | "cancelled"): void {
    this.#settle();
    this.#fail(error);
    if (this.#withdraw === undefined) return;
    const { link, graceMs } = this.#owner;
    const { id, router } = link;
    const progress = this.#withdraw();
    if (progress === "withdrawn") {
      router.forget(id, this.#handle);
      this.#senders.release("unread");
      if (this.#isLast) this.#owner.withdrawn();
      return;
    }
    this.#timer = setTimeout(() => this.#owner.hung(nameOf(this.#settings.name)), graceMs);
    const { chunks } = encodeValue([this.#handle, why]);
    // It must not overtake the call that it cancels.
    const lane = progress === "sent" ? "control" : "bulk";
    router.send({ dst: id, handle: HANDLES.CANCEL }, chunks, lane);
  }

  /** Stops the timer; the first time, the caller waits no longer. */
  #settle(): void {
    clearTimeout(this.#timer);
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#owner.settled();
    if (this.#onAbort === undefined) return;
    this.#settings.limits.signal?.removeEventListener("abort", this.#onAbort);
  }

  get #subject(): string {
    return `${this.#owner.link.name}: ${nameOf(this.#settings.name)}`;
  }

  #late(): TimeoutError {
    const { deadline } = this.#settings.limits;
    return new TimeoutError(
      "ERR_DEADLINE_CALL",
      `${this.#subject} did not answer within ${deadline} ms; it is cancelled\n  try: ${LATE_HINT}`,
    );
  }

  #cancelled(): CancelledError {
    const cause = this.#settings.limits.signal?.reason;
    return new CancelledError("ERR_CANCELLED", `${this.#subject} was cancelled`, { cause });
  }

  #refused(body: Uint8Array): DisconnectError {
    const why = neutralise(String(decodeValue(body)));
    return new DisconnectError(
      "ERR_DISCONNECT_DEAD",
      `${this.#owner.link.name}: ${why}\n  try: connect again`,
    );
  }
}
