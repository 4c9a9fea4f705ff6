/**
 * Trials: how often each password was refused. The same wrong password must not go to an account
 * again and again: accounts get locked after a few failures, on a hundred hosts at once if they
 * share a directory.
 *
 * A new password is tried at one place. The others wait for the verdict, and follow if it was
 * right. After two refusals, and no success, the password is not sent any more.
 */
import type { Secret } from "./secret.ts";

const MAX_REFUSALS = 2;
/** How long others wait for a verdict: a host that hangs must not hold them up. */
const PATIENCE_MS = 5000;

interface Trial {
  readonly secret: Secret;
  readonly user: string;
  refusals: number;
  /** Places that have got the password and not judged it. */
  pending: number;
  isRight: boolean;
  /** Resolves at the next verdict. */
  verdict: PromiseWithResolvers<void>;
}

export class Trials {
  readonly #trials: Trial[] = [];
  readonly #patienceMs: number;

  constructor(patienceMs: number = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /**
   * Waits until the secret may be sent.
   *
   * @returns what tells the verdict; undefined if the secret must not be sent
   */
  async begin(
    secret: Secret,
    user: string,
    signal: AbortSignal,
  ): Promise<((isRight: boolean | undefined) => void) | undefined> {
    const trial = this.#trialOf(secret, user);
    while (trial.pending > 0 && !trial.isRight && trial.refusals < MAX_REFUSALS) {
      if (!(await this.#wait(trial, signal))) break;
    }
    if (signal.aborted || (trial.refusals >= MAX_REFUSALS && !trial.isRight)) return undefined;
    trial.pending += 1;
    return (isRight) => {
      trial.pending -= 1;
      if (isRight) trial.isRight = true;
      if (isRight === false) trial.refusals += 1;
      trial.verdict.resolve();
      trial.verdict = Promise.withResolvers();
    };
  }

  wipe(): void {
    for (const { secret } of this.#trials.splice(0)) secret.wipe();
  }

  #trialOf(secret: Secret, user: string): Trial {
    const found = this.#trials.find((one) => one.user === user && one.secret.equals(secret));
    if (found !== undefined) return found;
    const begun = { refusals: 0, pending: 0, isRight: false };
    const trial = { ...begun, secret: secret.copy(), user, verdict: Promise.withResolvers<void>() };
    this.#trials.push(trial);
    return trial;
  }

  /** @returns whether there was a verdict */
  async #wait(trial: Trial, signal: AbortSignal): Promise<boolean> {
    const enough = Promise.withResolvers<boolean>();
    const stop = (): void => enough.resolve(false);
    const timer = setTimeout(stop, this.#patienceMs);
    signal.addEventListener("abort", stop);
    try {
      return await Promise.race([trial.verdict.promise.then(() => true), enough.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }
}
