/**
 * Conversation: finds the questions in what a program prints before it lets its command start, and
 * writes the answers. The program must be held: nothing but answers reaches it before its command
 * has printed the line that ends the conversation.
 *
 * A question is recognised by a text of ours in it, never by words of a language. A program that
 * takes no such text asks for little else than a password: a line without its end is its question.
 */
import type { Question } from "../prompts/question.ts";
import { questionMark, questionText } from "../transports/announced.ts";
import type { PasswordRule } from "../transports/transport.ts";
import type { Questions } from "./questions.ts";
import type { AttemptControl } from "./settings.ts";
import type { SshQuestions } from "./ssh-questions.ts";

/** Milliseconds without more text, after which a line without its end is a question. */
const QUIET_MS = 60;
/** The same for a program that takes a text of ours. It seldom asks anything without it. */
const STALLED_MS = 1000;
const KEPT_CHARACTERS = 4096;

/** What sudo-rs asks an account whose password has expired, behind our text. */
const OLD_PASSWORD = /^\W*current password/i;

export interface ConversationParts {
  readonly questions: Questions;
  /** For a client of ssh, which asks in words of its own. */
  readonly ssh: SshQuestions;
  readonly control: AttemptControl;
}

export class Conversation {
  readonly #host: string;
  readonly #scheme: string;
  readonly #rule: PasswordRule;
  readonly #questions: Questions;
  readonly #ssh: SshQuestions;
  readonly #control: AttemptControl;
  readonly #nonce: string;
  readonly #mark: string;
  /** What came since the last answer. */
  #heard = "";
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;
  /** Whether the line of the last question may go on: sudo-rs puts words behind our text. */
  #isInQuestion = false;

  /**
   * @param place the machine that the program runs on, and the program's name
   * @param nonce new for each conversation
   */
  constructor(
    place: { readonly host: string; readonly scheme: string; readonly rule: PasswordRule },
    nonce: string,
    { questions, ssh, control }: ConversationParts,
  ) {
    this.#host = place.host;
    this.#scheme = place.scheme;
    this.#rule = place.rule;
    this.#nonce = nonce;
    this.#mark = questionMark(nonce);
    this.#questions = questions;
    this.#ssh = ssh;
    this.#control = control;
  }

  /** The text for the program's question. */
  get prompt(): string {
    return questionText(this.#nonce);
  }

  /** The program has printed this text on its error output, or on its terminal. */
  said(text: string): void {
    if (!this.#control.launched.isHeld) return;
    this.#heard = (this.#heard + text).slice(-KEPT_CHARACTERS);
    clearTimeout(this.#quiet);
    if (this.#isAsking) return;
    const isMarked = this.#rule.prompt === "nonce";
    if (isMarked && this.#findMark()) return;
    const wait = isMarked ? STALLED_MS : QUIET_MS;
    this.#quiet = setTimeout(() => this.#findOpenLine(), wait);
  }

  /** @returns whether our text was found */
  #findMark(): boolean {
    const at = this.#heard.indexOf(this.#mark);
    const start = at + this.#mark.length;
    const end = this.#heard.indexOf(":", start);
    if (at < 0 || end < 0) return false;
    const name = this.#heard.slice(start, end);
    const isAgain = this.#questions.isAnswered && isRefusal(this.#heard.slice(0, at));
    this.#heard = this.#heard.slice(end + 1);
    const user = name === "%p" ? (this.#rule.user ?? "") : name;
    const isOther = this.#questions.isAnswered && !isAgain;
    this.#isInQuestion = true;
    if (isOther && OLD_PASSWORD.test(this.#heard)) {
      this.#questions.fail("expired", "it wants a new one");
      return true;
    }
    void this.#ask(isOther ? this.#other(user, "code: ") : { ...this.#question(user), isAgain });
    return true;
  }

  #findOpenLine(): void {
    const start = this.#heard.lastIndexOf("\n") + 1;
    const line = this.#heard.slice(start).replaceAll("\r", "");
    if (line.trim() === "" || !this.#control.launched.isHeld) return;
    if (this.#isInQuestion && start === 0) return;
    const whole = this.#heard.replaceAll("\r", "").trimStart();
    this.#heard = "";
    if (this.#rule.prompt === "ssh") {
      void this.#askAsSsh(line, whole);
      return;
    }
    // A program that wants a new password asks for the old one first.
    if (this.#questions.isHopeless()) return;
    const { user = "", prompt } = this.#rule;
    // These programs ask once for a password. What they ask next is something else.
    const isFirst = prompt !== "nonce" && !this.#questions.isAnswered;
    if (isFirst) void this.#ask(this.#question(user));
    else void this.#ask(this.#other(user, line), prompt === "nonce");
  }

  /** A client of ssh that gets no answer tries something else: it must not wait for ever. */
  async #askAsSsh(line: string, whole: string): Promise<void> {
    this.#isAsking = true;
    const { answer, refusal } = await this.#ssh.askAt(`[ssh at ${this.#host}]`, line, whole);
    this.#isAsking = false;
    this.#control.launched.answer(answer?.line() ?? Buffer.from(`${refusal}\n`));
    answer?.wipe();
  }

  #other(user: string, text: string): Omit<Question, "context"> {
    const prompt = `[${this.#scheme} at ${this.#host}] ${text}`;
    return { ...this.#question(user), kind: "other", prompt };
  }

  #question(user: string): Omit<Question, "context"> {
    const whose = user === "" ? "" : ` for ${user}`;
    const prompt = `[${this.#scheme}] password${whose} at ${this.#host}: `;
    return { host: this.#host, user, prompt, kind: "password", isVisible: false, isAgain: false };
  }

  async #ask(question: Omit<Question, "context">, mayDecline = false): Promise<void> {
    const secret = await this.#questions.ask(question, mayDecline);
    this.#isAsking = false;
    if (secret === undefined) return;
    this.#control.launched.answer(secret.line());
    secret.wipe();
    // The program may have printed more meanwhile.
    if (this.#rule.prompt === "nonce") this.said("");
  }
}

/**
 * A program that asks for a second factor prints nothing before; one that has refused an answer
 * does.
 *
 * @param between text from the end of one question to the next. In sudo-rs, brackets stand around
 *   our text.
 */
function isRefusal(between: string): boolean {
  return /\w/.test(between.replace(/^\][^\n]*\n?/, "").replace(/[^\n]*$/, ""));
}
