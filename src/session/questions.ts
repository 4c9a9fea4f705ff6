/**
 * Questions: has the questions of one attempt answered, one after the other, and tells the sources
 * whether their answers were right. Ends the attempt where nothing can answer.
 */
import { BootstrapError, EcontextError, UsageError } from "../errors.ts";
import type { Answer, Question } from "../prompts/question.ts";
import type { Secret } from "../prompts/secret.ts";
import { neutralise } from "../text.ts";
import type { AttemptControl, SessionSettings } from "./settings.ts";

/** Where the questions come from. */
type Asker = Pick<SessionSettings, "name" | "place" | "transport" | "prompter">;

/** Why there is no answer: code, words, and what the user can try. */
const FAILURES = {
  none: {
    code: "ERR_TRANSPORT_PASSWORD_NEEDED",
    what: "a question was asked that nothing answers",
    hint: "run it on a terminal, or give a password with --ask-pass or --password-command",
  },
  wrong: {
    code: "ERR_TRANSPORT_PASSWORD_WRONG",
    what: "wrong password",
    hint: "check whose password {scheme} wants",
  },
  refused: {
    code: "ERR_TRANSPORT_PASSWORD_EXHAUSTED",
    what: "the password is not sent any more",
    hint: "check whose password {scheme} wants, and that the account is not locked",
  },
} as const;
/** A child that ended for one of these has refused the answer. */
const REFUSALS: readonly string[] = [FAILURES.wrong.code, FAILURES.refused.code];

export class Questions {
  readonly #asker: Asker;
  readonly #control: AttemptControl;
  readonly #abort = new AbortController();
  #last: Answer | undefined;
  #count = 0;

  constructor(asker: Asker, control: AttemptControl) {
    this.#asker = asker;
    this.#control = control;
  }

  /** Whether a question was answered. */
  get isAnswered(): boolean {
    return this.#count > 0;
  }

  /**
   * @returns the answer, which the caller overwrites; undefined if there is none: the attempt has
   *   ended, or is about to
   */
  async ask(question: Omit<Question, "context">): Promise<Secret | undefined> {
    const { source } = this.#last ?? {};
    this.#settle(question.isAgain ? false : undefined);
    // What is not a person would answer the same again, and the account might get locked.
    if (question.isAgain && source?.isPerson === false) {
      this.#fail("wrong", `${source.name} gave it`);
      return undefined;
    }
    const resume = this.#control.wait();
    try {
      const { prompter, name } = this.#asker;
      const whole = { ...question, context: name };
      const answer = (await prompter?.ask(whole, this.#abort.signal)) ?? "none";
      if (answer === "none") this.#fail("none", asked(question));
      if (answer === "refused") this.#fail("refused", "two places have refused it");
      if (typeof answer === "string") return undefined;
      this.#last = answer;
      this.#count += 1;
      return answer.secret;
    } catch (error) {
      this.#control.fail(asError(error));
      return undefined;
    } finally {
      resume();
    }
  }

  /** The program has let the child start. */
  accepted(): void {
    this.#settle(true);
    this.#abort.abort();
  }

  /** The child has ended, for this reason. */
  ended(reason: EcontextError | undefined): void {
    this.#settle(REFUSALS.includes(reason?.code ?? "") ? false : undefined);
    this.#abort.abort();
  }

  #settle(isRight: boolean | undefined): void {
    this.#last?.settle(isRight);
    this.#last = undefined;
  }

  #fail(cause: keyof typeof FAILURES, detail: string): void {
    const { place, transport } = this.#asker;
    const { argv, stderr } = this.#control.launched;
    const { code, what, hint } = FAILURES[cause];
    const advice = hint.replaceAll("{scheme}", transport.scheme);
    const message = `${place}: ${what}; ${detail}\n  try: ${advice}`;
    const report = { argv, phase: "answering a question", said: neutralise(stderr.trim()) };
    this.#control.fail(new BootstrapError(code, message, report));
  }
}

function asked({ kind, prompt, user }: Omit<Question, "context">): string {
  if (kind === "other") return `it asks ${JSON.stringify(neutralise(prompt).trim())}`;
  return user === "" ? "it asks for a password" : `it asks for the password of ${neutralise(user)}`;
}

function asError(error: unknown): EcontextError {
  if (error instanceof EcontextError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new UsageError("ERR_USAGE_PASSWORD", `no answer could be got: ${neutralise(why)}`);
}
