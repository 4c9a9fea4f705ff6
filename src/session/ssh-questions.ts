/**
 * Questions of an ssh client of this machine, as its askpass program is told them. The words are
 * ssh's own, which OpenSSH does not translate. What a server makes ssh ask begins with the account
 * in parentheses, so that a server cannot ask for a passphrase of this machine.
 */
import type { AskpassListener } from "../prompts/askpass.ts";
import type { Question } from "../prompts/question.ts";
import type { Secret } from "../prompts/secret.ts";
import type { Questions } from "./questions.ts";

type SshQuestion = Omit<Question, "context" | "isAgain">;

/** `alice@web1's password: `, also where several hosts are on the way. */
const PASSWORD = /^(.+)@(.+)'s password: $/;
/** `(alice@web1) Password: `, in the words of the server. */
const INTERACTIVE = /^\((.+?)@(.+?)\) (.*)$/s;
/** ssh itself asks so for the passwords of an account whose server demands a new one. */
const CHANGE = /^(?:Enter|Retype) (.+)@(.+)'s (?:old|new) password: $/;
/** The same in the words of a server: `(current) UNIX password: `, `Retype new password: `. */
const CHANGE_BY_SERVER =
  /\b(?:current|old|new|retype|re-?enter|repeat)\b\W+(?:\w+ +){0,2}password|password again/i;
const PASSPHRASE = /^Enter (?:passphrase|PIN) for /;
const HOST_KEY = /\(yes\/no|^Please type 'yes'/;
/** ssh asks so after another answer than yes, no or the fingerprint, as often as it takes. */
const HOST_KEY_AGAIN = /^Please type 'yes'/;

/** The target that ssh leads to. */
export interface SshPlace {
  /** The name of its context. */
  readonly name: string;
  /** Tells it apart from every other target. */
  readonly way: string;
}

export class SshQuestions implements AskpassListener {
  readonly #questions: Questions;
  readonly #notice: (text: string) => void;
  /** Questions that were answered, each with its client, to know them again. */
  readonly #asked = new Set<string>();
  /** The account of the last password, as ssh names it. */
  #account: { readonly way: string; readonly user: string } | undefined;
  readonly #place: SshPlace;

  constructor(place: SshPlace, questions: Questions, notice: (text: string) => void) {
    this.#place = place;
    this.#questions = questions;
    this.#notice = notice;
  }

  /** The account whose password was given last: that of the target, if ssh has got through. */
  get account(): { readonly way: string; readonly user: string } | undefined {
    return this.#account;
  }

  ask(prompt: string, client = 0): Promise<Secret | undefined> {
    return this.#ask(prompt, prompt, client);
  }

  hasFailed(): boolean {
    return this.#questions.hasFailed;
  }

  /**
   * A client of ssh behind a hop has asked on its terminal. What it is asked by its server, and
   * what it prints on standard error, comes there too: a person is told where the question is from.
   *
   * @param place for a person
   * @param line the last line, which tells what is asked
   * @param whole all that came since the last answer
   * @returns the answer, or else the text that refuses one
   */
  async askAt(
    place: string,
    line: string,
    whole: string,
  ): Promise<{ readonly answer: Secret | undefined; readonly refusal: string }> {
    const isKey = HOST_KEY.test(line);
    const answer = await this.#ask(line, `${place} ${isKey ? whole : line}`);
    return { answer, refusal: isKey ? "no" : "" };
  }

  async #ask(prompt: string, shown: string, client = 0): Promise<Secret | undefined> {
    const asked = readQuestion(prompt);
    const { kind, user } = asked;
    // ssh names a machine by its address, which another machine behind another hop, or at another
    // port, may have too. It also asks for machines on its own way.
    const way = `${this.#place.way}\0${asked.host}`;
    const question = { ...asked, prompt: shown, host: this.#place.name, way };
    const known = `${client}\0${prompt}`;
    const isRepeated = (kind === "password" || kind === "passphrase") && this.#asked.has(known);
    const isAgain = isRepeated || HOST_KEY_AGAIN.test(prompt);
    this.#asked.add(known);
    // Without an answer, ssh tries its next key, or refuses the host's key.
    const mayDecline = kind === "passphrase" || HOST_KEY.test(prompt);
    const answer = await this.#questions.ask({ ...question, isAgain }, mayDecline);
    if (answer !== undefined && kind === "password") this.#account = { way, user };
    return answer;
  }

  notice(text: string): void {
    this.#notice(text);
  }
}

export function readQuestion(prompt: string): SshQuestion {
  const [, user, host] = PASSWORD.exec(prompt) ?? [];
  const unknown = { host: "", user: "", prompt, isVisible: false } as const;
  if (user !== undefined && host !== undefined) return { ...unknown, host, user, kind: "password" };
  const [, account, place, text = ""] = INTERACTIVE.exec(prompt) ?? [];
  if (account !== undefined && place !== undefined) {
    return { ...unknown, host: place, user: account, kind: questionKindOf(text) };
  }
  const [, owner, machine] = CHANGE.exec(prompt) ?? [];
  if (owner !== undefined && machine !== undefined) {
    return { ...unknown, host: machine, user: owner, kind: "change" };
  }
  if (PASSPHRASE.test(prompt)) return { ...unknown, kind: "passphrase" };
  return { ...unknown, kind: "other", isVisible: HOST_KEY.test(prompt) };
}

/** @param text of a server; its last line is the question */
function questionKindOf(text: string): Question["kind"] {
  const line = text.slice(text.trimEnd().lastIndexOf("\n") + 1);
  if (CHANGE_BY_SERVER.test(line)) return "change";
  return /\bpassword\b/i.test(text) ? "password" : "other";
}
