/**
 * Questions: has the questions of one attempt answered, one after the other, and tells the sources
 * whether their answers were right. Ends the attempt where nothing can answer.
 */
import { BootstrapError, CancelledError, EcontextError, UsageError } from "../errors.ts";
import { withLockedKeys } from "../launch/locked-keys.ts";
import type { Answer, Question, Source } from "../prompts/question.ts";
import type { Secret } from "../prompts/secret.ts";
import { neutralise } from "../text.ts";
import { CAUSES } from "../transports/causes.ts";
import { QuestionClock } from "./question-clock.ts";
import type { AttemptControl, SessionSettings } from "./settings.ts";

/** Where the questions come from. */
type Origin = Pick<SessionSettings, "name" | "place" | "transport" | "prompter">;

/** Why there is no answer. */
const FAILURES = {
  none: CAUSES["password-needed"],
  wrong: CAUSES["password-wrong"],
  expired: CAUSES["password-expired"],
  exhausted: CAUSES["password-exhausted"],
  "wrong passphrase": CAUSES["passphrase-wrong"],
  "exhausted passphrase": CAUSES["passphrase-exhausted"],
  "neither yes nor no": {
    code: "ERR_TRANSPORT_HOST_KEY_UNKNOWN",
    what: "the host key is not known",
    hint: "answer yes, no or the fingerprint; undefined leaves the question to a person",
  },
  endless: {
    code: "ERR_TRANSPORT_PASSWORD_EXHAUSTED",
    what: "{scheme} asks without end",
    hint: "connect by hand, and see what is asked",
  },
} as const;
/**
 * Answers of what is not a person, in one attempt: one for each key, hop and round of a login is
 * far less. What asks on would hold up the attempt for ever, as each question moves its deadline.
 */
const MOST_ANSWERS = 100;
/** Messages after which a program asks for more than a password. */
const HOPELESS: readonly string[] = [
  CAUSES["password-expired"].code,
  CAUSES["account-expired"].code,
  CAUSES["account-locked"].code,
];
/** A child that ended for one of these has refused the answer. */
const REFUSALS: readonly string[] = [FAILURES.wrong.code, FAILURES.exhausted.code];

export class Questions {
  readonly #origin: Origin;
  readonly #control: AttemptControl;
  readonly clock = new QuestionClock();
  readonly #abort = new AbortController();
  #last: Answer | undefined;
  #count = 0;
  /** How many answers came from what is not a person. */
  #machineAnswers = 0;
  /** What was asked last. */
  #prompt = "";
  #refusals = 0;
  /** The kind of the question that was asked again. */
  #refused: Question["kind"] | undefined;
  #hasFailed = false;
  /** Files of keys whose passphrase nothing could give. */
  readonly #locked: string[] = [];

  constructor(origin: Origin, control: AttemptControl) {
    this.#origin = origin;
    this.#control = control;
  }

  /** Whether a question has ended the attempt. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Whether a question was answered. */
  get isAnswered(): boolean {
    return this.#count > 0;
  }

  /**
   * @param mayDecline whether the program can go on without an answer
   * @returns the answer, which the caller overwrites; undefined if there is none: the attempt has
   *   ended, or is about to
   */
  async ask(question: Omit<Question, "context">, mayDecline = false): Promise<Secret | undefined> {
    const { source } = this.#last ?? {};
    const before = this.#prompt;
    this.#prompt = question.prompt;
    if (question.isAgain && question.kind !== "other") {
      this.#refusals = question.kind === this.#refused ? this.#refusals + 1 : 1;
      this.#refused = question.kind;
    }
    // Questions of ssh follow one another when the one before was answered rightly.
    this.#settle(!question.isAgain);
    // What is not a person would answer the same again, and the account might get locked.
    if (question.isAgain && source?.isPerson === false) {
      this.#failAgain(question, before, source);
      return undefined;
    }
    if (this.#machineAnswers >= MOST_ANSWERS) {
      this.fail("endless", `${MOST_ANSWERS} answers were not enough; ${asked(question)}`);
      return undefined;
    }
    const over = this.clock.ask();
    try {
      const { prompter, name } = this.#origin;
      const whole = { ...question, context: name };
      const answer = (await prompter?.ask(whole, this.#abort.signal)) ?? "none";
      const cause = question.kind === "change" ? "expired" : "none";
      if (answer === "none" && !mayDecline) this.fail(cause, asked(question));
      if (answer === "none") this.#locked.push(...keyOf(question));
      if (answer === "refused")
        this.fail("exhausted", "it was refused twice, and is not sent again");
      if (answer === "stopped") this.#end(stopped(this.#origin.place));
      if (typeof answer === "string") return undefined;
      this.#last = answer;
      this.#count += 1;
      if (!answer.source.isPerson) this.#machineAnswers += 1;
      return answer.secret;
    } catch (error) {
      this.#end(asError(error));
      return undefined;
    } finally {
      over();
    }
  }

  /** Whether no answer can help: the attempt is ended for what the program has printed. */
  isHopeless(): boolean {
    const error = this.#control.explain();
    if (!HOPELESS.includes(error.code)) return false;
    this.#end(error);
    return true;
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

  /** @returns the error, in other words if it comes from answers that were wrong each time */
  explained(error: EcontextError): EcontextError {
    const isDenied = error.code === "ERR_TRANSPORT_PERMISSION_DENIED";
    if (!isDenied) return error;
    if (this.#refusals === 0) return withLockedKeys(error, this.#locked);
    const cause = this.#refused === "passphrase" ? "exhausted passphrase" : "exhausted";
    return this.#error(cause, `${this.#refusals + 1} were wrong`);
  }

  #settle(isRight: boolean | undefined): void {
    this.#last?.settle(isRight);
    this.#last = undefined;
  }

  /**
   * A program asks again what the source answered, which is not a person.
   *
   * @param before what the program had asked
   */
  #failAgain({ kind }: Pick<Question, "kind">, before: string, { name }: Source): void {
    if (kind === "other") {
      const detail = `it asks ${quoted(before)}, and ${name} answered neither yes nor no`;
      this.fail("neither yes nor no", detail);
    } else this.fail(kind === "passphrase" ? "wrong passphrase" : "wrong", `${name} gave it`);
  }

  /** Ends the attempt for this reason. */
  fail(cause: keyof typeof FAILURES, detail: string): void {
    this.#end(this.#error(cause, detail));
  }

  #end(reason: EcontextError): void {
    // An attempt that has ended asks nothing: its last question was called off.
    this.#hasFailed ||= !this.#abort.signal.aborted;
    this.#control.fail(reason);
  }

  #error(cause: keyof typeof FAILURES, detail: string): BootstrapError {
    const { place, transport } = this.#origin;
    const { argv, stderr } = this.#control.launched;
    const { code, what, hint } = FAILURES[cause];
    const named = (text: string): string => text.replaceAll("{scheme}", transport.scheme);
    const message = `${place}: ${named(what)}; ${detail}\n  try: ${named(hint)}`;
    const report = { argv, phase: "answering a question", said: neutralise(stderr.trim()) };
    return new BootstrapError(code, message, report);
  }
}

/** @returns the file of the key whose passphrase is asked for, if it is one */
function keyOf({ kind, prompt }: Omit<Question, "context">): readonly string[] {
  const [, file] =
    (kind === "passphrase" && /^Enter passphrase for key '(.*)': $/.exec(prompt)) || [];
  return file === undefined ? [] : [file];
}

function stopped(place: string): CancelledError {
  return new CancelledError("ERR_CANCELLED", `${place}: cancelled at a question`);
}

function asked({ kind, prompt, user }: Omit<Question, "context">): string {
  if (kind === "other" || kind === "change") return `it asks ${quoted(prompt)}`;
  return user === "" ? "it asks for a password" : `it asks for the password of ${neutralise(user)}`;
}

function quoted(prompt: string): string {
  return JSON.stringify(neutralise(prompt).trim());
}

function asError(error: unknown): EcontextError {
  if (error instanceof EcontextError) return error;
  const why = error instanceof Error ? error.message : String(error);
  const message = `no answer could be got: ${neutralise(why)}`;
  const hint = "give the password with --password-command or --password-fd";
  return new UsageError("ERR_USAGE_PASSWORD", `${message}\n  try: ${hint}`);
}
