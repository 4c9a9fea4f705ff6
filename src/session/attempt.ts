/**
 * Attempt: from a plan to a slave that has answered BOOT, or to the reason why there is none.
 *
 * 1. A child is launched; the preamble and the first call are written at once.
 * 2. The child prints the marker and answers BOOT: the attempt is over, and the session is ready.
 * 3. If the child ends before the marker, its exit status and its output tell why. Where no
 *    interpreter was found and a lender is at hand, the lender brings a child that has one. This
 *    child takes the place of the first, and step 1 begins anew.
 */
import type { SlaveInfo } from "../context/session.ts";
import { EcontextError } from "../errors.ts";
import { cores, firstStage } from "../interpreters/first-stage.ts";
import { LACKS_INTERPRETER } from "../interpreters/kind.ts";
import { isLendable, languageOfPlan, type Plan } from "../interpreters/plan.ts";
import { preambleParts } from "../interpreters/preamble.ts";
import { explainBootstrap, explainSilence } from "../launch/explain.ts";
import type {
  BootPlan,
  Launched,
  Launcher,
  LaunchListener,
  LaunchPlan,
} from "../launch/launcher.ts";
import type { ReplayLink } from "../mux/replay-link.ts";
import type { Router } from "../mux/router.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readBootReply } from "./boot-reply.ts";
import { Dialogue } from "./dialogue.ts";
import { leaseOf } from "./keepalive.ts";
import type { AttemptControl, Borrower, SessionSettings } from "./settings.ts";

/** What an attempt works with. */
export interface AttemptParts {
  readonly router: Router;
  readonly launcher: Launcher;
  readonly logs: Borrower["logs"];
  readonly chosen?: LaunchPlan["chosen"];
  /** Remembers what is sent, if another child may take the place of the first. */
  readonly replay: ReplayLink | undefined;
}

export interface AttemptListener {
  /** The slave has answered. */
  booted(slave: SlaveInfo, launched: Launched): void;
  /**
   * The session is over; called once, also after `booted`.
   *
   * @param reason undefined: the slave has ended, and it must be found out why
   */
  closed(launched: Launched, reason: EcontextError | undefined): void;
}

const NONCE_BYTES = 16;

export class Attempt {
  /** The cores that the first child was sent, in this order. */
  readonly cores: readonly Uint8Array[];
  readonly #settings: SessionSettings;
  readonly #parts: AttemptParts;
  readonly #listener: AttemptListener;
  readonly #dialogue: Dialogue;
  #deadline: ReturnType<typeof setTimeout>;
  #launched: Launched;
  #severed: EcontextError | undefined;

  constructor(
    plan: Plan,
    settings: SessionSettings,
    parts: AttemptParts,
    listener: AttemptListener,
  ) {
    this.#settings = settings;
    this.#parts = parts;
    this.#listener = listener;
    this.cores = cores(plan);
    this.#dialogue = new Dialogue(settings, this.#control(plan));
    const options = this.#dialogue.plan(firstStage(plan));
    const { listener: heard } = this.#dialogue;
    const { chosen } = parts;
    this.#launched = this.#boot(plan, (boot, events) =>
      parts.launcher.launch({ ...boot, ...options, chosen }, { ...heard, ...events }),
    );
    this.#deadline = this.#startDeadline();
  }

  /** The child of the moment. */
  get launched(): Launched {
    return this.#launched;
  }

  /** When a question on the way was last open, on `performance.now`. */
  lastAsked(): number {
    return this.#dialogue.lastAsked();
  }

  /** Gives up, with this reason. */
  sever(reason: EcontextError): void {
    this.#severed ??= reason;
    this.#settings.lender?.sever(reason);
    this.#launched.close(reason);
  }

  /** Has a child launched that will run the first stage of `plan`. */
  #boot(plan: Plan, launch: (boot: BootPlan, listener: LaunchListener) => Launched): Launched {
    const { id, name, argv0, level } = this.#settings;
    const { router, replay } = this.#parts;
    const nonce = newNonce();
    const reply = router.expect(id, {
      receive: ({ body }) => {
        router.forget(id, reply);
        this.#booted(plan, launched, body);
      },
    });
    const [lease, rate] = [leaseOf(this.#settings), LIMITS.logBytesPerSecond];
    const parts = preambleParts({ id, nonce, name, argv0, level, lease, rate }, plan, reply);
    const launched = launch(
      { id, nonce, preamble: parts, replay },
      { closed: (error) => void this.#closed(plan, launched, reply, error) },
    );
    return launched;
  }

  /** @throws {ProtocolError} the reply is malformed, or not of this plan */
  #booted(plan: Plan, launched: Launched, body: Uint8Array): void {
    const slave = readBootReply(body, languageOfPlan(plan));
    clearTimeout(this.#deadline);
    this.#dialogue.booted();
    this.#parts.replay?.settle();
    launched.adopt(slave);
    this.#listener.booted(slave, launched);
  }

  async #closed(
    plan: Plan,
    launched: Launched,
    reply: number,
    error: EcontextError | undefined,
  ): Promise<void> {
    let reason = error;
    if (error === undefined && !launched.isMarked) {
      // The last output is the useful part: `ended` waits until all of it has been read.
      const ending = await launched.ended;
      const { place, transport } = this.#settings;
      const missing = await this.#dialogue.explained(
        explainBootstrap({ place, transport, plan, launched, ending }),
      );
      this.#parts.router.forget(this.#settings.id, reply);
      this.#dialogue.ended(missing);
      reason = await this.#replace(plan, missing);
      if (reason === undefined) return;
    }
    clearTimeout(this.#deadline);
    this.#dialogue.ended(reason);
    this.#listener.closed(launched, reason);
  }

  /** Lets the lender bring another child. @returns why there is still no interpreter */
  async #replace(plan: Plan, missing: EcontextError): Promise<EcontextError | undefined> {
    const { lender } = this.#settings;
    const { logs, replay } = this.#parts;
    if (lender === undefined || !isLendable(plan) || !LACKS_INTERPRETER.includes(missing.code)) {
      return missing;
    }
    if (this.#severed !== undefined) return this.#severed;
    replay?.lead(undefined);
    try {
      const lent = await lender.lend(missing, { logs, progressed: () => this.#progressed() });
      if (this.#severed !== undefined) {
        lent.launched.close();
        return this.#severed;
      }
      this.#launched = this.#boot(lent.plan, (boot, events) =>
        lent.launched.relaunch(boot, events),
      );
      return undefined;
    } catch (error) {
      if (error instanceof EcontextError) return this.#severed ?? error;
      throw error;
    }
  }

  #control(plan: Plan): AttemptControl {
    const launched = (): Launched => this.#launched;
    return {
      get launched() {
        return launched();
      },
      explain: () => {
        const { place, transport } = this.#settings;
        const launched = this.#launched;
        return explainBootstrap({ place, transport, plan, launched, ending: { status: 1 } });
      },
      fail: (reason) => this.sever(reason),
    };
  }

  #startDeadline(ms = this.#settings.connectMs): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#tooLate(), ms);
  }

  /** A deadline that the user asked for is not extended. */
  #progressed(): void {
    if (this.#settings.isConnectTotal) return;
    clearTimeout(this.#deadline);
    this.#deadline = this.#startDeadline();
  }

  #tooLate(): void {
    const { via, connectMs, isConnectTotal } = this.#settings;
    // The time begins anew after a question, also one on the way to a hop. A deadline that the user
    // asked for goes on.
    const asked = Math.max(this.lastAsked(), via?.lastAsked() ?? 0);
    const left = asked + connectMs - performance.now();
    if (!isConnectTotal && left > 0) {
      this.#deadline = this.#startDeadline(left);
      return;
    }
    // A hop that does not answer is the cause.
    const { place, name } = via?.silent() ?? this.#settings;
    const reason = explainSilence({ place, context: name }, connectMs, this.#launched);
    this.sever(Object.assign(reason, { hop: name }));
  }
}

/** The global `crypto`, because loading node:crypto takes longer than to start a child. */
function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
