/**
 * Caller: makes the calls of one slave. It encodes them, offers the slave the modules that they
 * need, and keeps calls that have to wait in the order in which they were made.
 *
 * The caller of a context's first slave takes all calls of the context, and gives those of the
 * other language to the caller of the second slave. While it cannot be told which slave will do a
 * call, the call waits here until the first slave has answered.
 */
import { NO_SENDERS, SenderTable } from "../channels/sender-table.ts";
import type { SentBody } from "../channels/value-link.ts";
import { DisconnectError, type EcontextError, UsageError } from "../errors.ts";
import type { Language } from "../interpreters/kind.ts";
import type { ContextLink } from "../mux/context-link.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { CallSession } from "./call-session.ts";
import { type Callee, readCallee } from "./callee.ts";
import { LANGUAGE_RULES, tierNeeds } from "./language-rules.ts";
import { type CallRequest, checkMilliseconds, eitherSignal } from "./options.ts";
import { endInOrder, expectLargeCalls, LARGE_CALL_BYTES } from "./own-calls.ts";
import { CALL_ROOT, callPayload, type PayloadOptions } from "./payload.ts";
import { type CallOwner, PendingCall } from "./pending-call.ts";
import { iterable, RemoteGenerator } from "./remote-generator.ts";
import type { TierCall } from "./tier-call.ts";

export interface CallerSettings {
  /** Milliseconds that a cancelled call has to end. */
  readonly graceMs: number;
  /** Cancels every call. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Finds the caller of the slave that can do a call. Default: this caller does every call.
   *
   * @returns undefined: that is known when the session is settled, and not before
   * @throws {UsageError} no slave of the context can do it
   */
  readonly route?: ((callee: Callee) => Caller | undefined) | undefined;
}

/** A call on its way to the slave. */
interface Sending {
  readonly call: PendingCall;
  readonly callee: Callee;
  readonly body: SentBody;
  readonly tier: readonly string[];
  readonly limits: PayloadOptions;
}

const NO_TIER: readonly string[] = [];

export class Caller implements CallOwner {
  readonly link: ContextLink;
  readonly graceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #route: CallerSettings["route"];
  readonly #session: CallSession;
  readonly #senders: SenderTable;
  /** Resolves when the last call that waits has been sent; later calls line up after it. */
  #turn: Promise<void> | undefined;
  /** Calls that wait until the session is settled: then it is found which slave does them. */
  #undecided = 0;
  /** Calls whose callers wait. */
  #waiting = 0;
  #onIdle = (): void => {};
  #isClosed = false;
  /** Functions whose modules the slave was offered. (A name is the same object each time.) */
  readonly #offered = new WeakSet<Callee>();
  /** The slave was told that large calls come. */
  #expectsLarge = false;
  /** The slave was told that no call follows. */
  #isFinished = false;

  constructor(link: ContextLink, session: CallSession, settings: CallerSettings) {
    this.link = link;
    this.graceMs = settings.graceMs;
    this.#signal = settings.signal;
    this.#route = settings.route;
    this.#session = session;
    // A generator is continued in the slave that it lives in.
    const callTier: TierCall = (options, fn, ...args) =>
      iterable(
        new Promise((resolve, reject) => {
          this.#begin(readCallee(fn), true, { fn, args, options }, resolve, reject);
        }),
      );
    this.#senders = new SenderTable(link, (number) => new RemoteGenerator(number, callTier));
  }

  /** Calls whose callers wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @returns a promise that rejects with everything that can go wrong, usage included */
  call(request: CallRequest): Promise<unknown> & AsyncIterable<unknown> {
    return iterable(
      new Promise((resolve, reject) => {
        const callee = readCallee(request.fn);
        const caller = this.#callerOf(callee);
        const isDecided = caller !== undefined;
        (caller ?? this).#begin(callee, isDecided, request, resolve, reject);
      }),
    );
  }

  /** @param tier modules of the second tier that the functions are in */
  tierCall(tier: readonly string[]): TierCall {
    return (options, fn, ...args) => this.call({ fn, args, options, tier });
  }

  /** Refuse every later call. */
  close(): void {
    this.#isClosed = true;
  }

  /** Why nothing can be sent to the context any more; undefined while something can. */
  unavailable(): EcontextError | undefined {
    return this.#isClosed ? this.closed() : this.#session.reason();
  }

  /** Why calls fail after `close`. */
  closed(): DisconnectError {
    const message = `${this.link.name}: the context was closed\n  try: connect again`;
    return new DisconnectError("ERR_DISCONNECT_CLOSED", message);
  }

  /** Ends the slave in good order: it runs the exit handlers of user code as its last call. */
  async finish(): Promise<void> {
    const language = await this.#allSent();
    // Where calls run beside one another, the handlers would run before the last one ends.
    if (language !== undefined && !LANGUAGE_RULES[language].runsInOrder) await this.idle();
    this.#finish(language);
  }

  /**
   * Refuses every later call, and tells the slave so: it ends as by `finish` when its commands have
   * ended, without another round trip. For a context whose only calls are commands.
   */
  async finishAhead(): Promise<void> {
    this.close();
    const language = await this.#allSent();
    if (language !== undefined) this.#finish(language, LANGUAGE_RULES[language].runsInOrder);
  }

  /** Resolves when every call has been sent. @returns the language of the slave, if it is known */
  async #allSent(): Promise<Language | undefined> {
    await this.decided();
    while (this.#turn !== undefined) await this.#turn;
    return this.#session.language();
  }

  /** @param runsHandlers whether the slave runs the handlers of user code for its end */
  #finish(language: Language | undefined, runsHandlers = true): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    endInOrder(this.link, runsHandlers ? language : undefined);
  }

  /** Resolves when it is known for every call which slave does it. */
  async decided(): Promise<void> {
    while (this.#undecided > 0) await this.#session.settled();
  }

  /** The slave did not end in time after `finish`. */
  overdue(): void {
    const failure = `${this.link.name}: did not end within ${this.graceMs} ms`;
    const hint = "cancel long calls before you close the context, or allow more time with graceMs";
    const message = `${failure} of being closed; it was ended by force\n  try: ${hint}`;
    this.#session.sever(new DisconnectError("ERR_DISCONNECT_FORCED", message));
  }

  /** Resolves when no caller waits. */
  idle(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  // -- What its pending calls ask for --

  decode(body: Uint8Array): unknown {
    return this.#senders.decode(body);
  }

  stopsFunctions(): boolean {
    const language = this.#session.language();
    return language !== undefined && LANGUAGE_RULES[language].stopsFunctions;
  }

  hung(call: string): void {
    const problem = `${call} could not be interrupted within ${this.graceMs} ms`;
    const hint = "run code that does not return, such as C code, in a context of its own";
    const message = `${this.link.name}: ${problem}; the context was ended\n  try: ${hint}`;
    this.#session.sever(new DisconnectError("ERR_DISCONNECT_HUNG", message));
  }

  settled(): void {
    this.#waiting--;
    if (this.#waiting === 0) this.#onIdle();
  }

  withdrawn(): void {
    this.#isFinished = false;
  }

  // -- The way of a call --

  /** @returns undefined while it cannot be told which slave does the call */
  #callerOf(callee: Callee): Caller | undefined {
    if (this.#isClosed) return this;
    // Calls keep their order.
    if (this.#undecided > 0) return undefined;
    if (this.#route !== undefined) return this.#route(callee);
    return this.#session.language() === undefined ? undefined : this;
  }

  #begin(
    callee: Callee,
    isDecided: boolean,
    { args, options = {}, tier = NO_TIER, site }: CallRequest,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ): void {
    const { deadline } = options;
    checkMilliseconds("deadline", deadline);
    const signal = eitherSignal(options.signal, this.#signal);
    // Most calls have no signal: no copy is made of their options.
    const limits: PayloadOptions = signal === options.signal ? options : { ...options, signal };
    const body = this.#encode(callee, args, limits);
    const settings = { name: callee.name, limits, senders: body.senders, site };
    const call = new PendingCall(this, settings, resolve, reject);
    this.#waiting++;
    if (this.#isClosed) {
      call.fail(this.closed());
      return;
    }
    this.#session.start(callee.wants);
    const sending: Sending = { call, callee, body, tier, limits };
    // The start has mostly told the language.
    if (isDecided || this.#callerOf(callee) === this) this.#enqueue(sending);
    else this.#decideLater(sending);
  }

  /** @throws {ValueError | UsageError} what cannot be sent */
  #encode(callee: Callee, args: readonly unknown[], options: PayloadOptions): SentBody {
    const body = this.#senders.encode(callPayload(callee.function, args, options), CALL_ROOT);
    if (body.length <= LIMITS.maxMessageBytes) return body;
    body.senders.release("unread");
    const limit = LIMITS.maxMessageBytes;
    const what = `arguments of ${body.length} bytes are over the limit of ${limit}`;
    const problem = `${what}\n  try: send them in parts, through a channel`;
    throw new UsageError("ERR_USAGE_TOO_LARGE", `${this.link.name}: ${problem}`);
  }

  /** Sends a call now, or when there is room for it. */
  #enqueue(sending: Sending): void {
    if (this.#mustWait()) this.#wait(() => this.#sendOrDrop(sending));
    else this.#send(sending);
  }

  /** Keeps a call until it is known which slave does it. Calls keep their order. */
  #decideLater(sending: Sending): void {
    this.#undecided++;
    void this.#session.settled().then(() => {
      this.#undecided--;
      const { call, callee } = sending;
      if (call.isSettled) {
        call.drop();
        return;
      }
      try {
        const caller = this.#route?.(callee) ?? this;
        if (caller === this) this.#enqueue(sending);
        else caller.#take(sending, this);
      } catch (error) {
        call.fail(error);
      }
    });
  }

  /** Takes a call over from the caller of another slave. */
  #take({ call, callee, body, tier, limits }: Sending, from: Caller): void {
    const own = this.#adopt(body, from);
    this.#waiting++;
    call.handOver(this, own.senders);
    this.#enqueue({ call, callee, body: own, tier, limits });
  }

  /** @returns arguments that were encoded for another slave, with senders that this one may use */
  #adopt(body: SentBody, from: Caller): SentBody {
    if (body.senders === NO_SENDERS) return body;
    const own = this.#senders.encode(from.decode(Buffer.concat(body.chunks)), CALL_ROOT);
    body.senders.release("unread");
    return own;
  }

  #mustWait(): boolean {
    return this.#turn !== undefined || this.#session.queuedBytes() > LIMITS.maxQueuedBytes;
  }

  /**
   * Calls wait for room in the queue. They are sent in the order in which they were made. A caller
   * that gives up is free; its call keeps its place.
   */
  #wait(send: () => void): void {
    const before = this.#turn ?? Promise.resolve();
    const turn = before.then(() => this.#session.writable());
    this.#turn = turn;
    void turn.then(() => {
      if (this.#turn === turn) this.#turn = undefined;
      send();
    });
  }

  #sendOrDrop(sending: Sending): void {
    if (sending.call.isSettled) sending.call.drop();
    else this.#send(sending);
  }

  #send({ call, callee, body, tier, limits }: Sending): void {
    try {
      const language = this.#check();
      const { deadline, signal, withContext = false } = limits;
      const uses = {
        tier,
        values: body.extended,
        channels: this.#senders.hasExported || callee.generates,
        importer: typeof callee.function !== "string",
        isLimited: deadline !== undefined || (signal !== undefined && !limits.cancelsItself),
        withContext,
      };
      const needs = tierNeeds(language, uses);
      const { large } = LANGUAGE_RULES[language];
      if (large !== undefined && body.length >= LARGE_CALL_BYTES && !this.#expectsLarge) {
        this.#expectsLarge = true;
        this.#session.offer([], [large]);
        expectLargeCalls(this.link, large);
      }
      this.#offer(callee, needs);
      const isLast = limits.isLast === true && LANGUAGE_RULES[language].hearsLast(limits);
      this.#isFinished ||= isLast;
      call.send(body.chunks, isLast);
    } catch (error) {
      call.fail(error);
    }
  }

  /** Offers the slave what the call needs. A name that was called before needs nothing more. */
  #offer(callee: Callee, needs: readonly string[]): void {
    if (needs.length === 0 && this.#offered.has(callee)) return;
    this.#session.offer(callee.modules, needs, callee.root);
    this.#offered.add(callee);
  }

  /**
   * @returns the language of the slave
   * @throws {EcontextError} why the call cannot be sent
   */
  #check(): Language {
    const { id, name, router } = this.link;
    const reason = this.#session.reason();
    if (reason !== undefined) throw reason;
    const language = this.#session.language();
    if (language === undefined) throw new Error(`${name}: a call before its language was known`);
    if (router.pending(id) - this.#senders.channels >= LIMITS.maxPendingCalls) {
      throw new UsageError(
        "ERR_USAGE_PENDING",
        `${name}: ${LIMITS.maxPendingCalls} calls are outstanding; await some first`,
      );
    }
    return language;
  }
}
