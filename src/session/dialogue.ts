/**
 * Dialogue: what is asked on the way to one child, from its start to its slave's first answer. Says
 * how the child must be started for it, hears what the child's program prints, and answers.
 */
import { randomBytes } from "node:crypto";
import type { EcontextError } from "../errors.ts";
import type { LaunchListener, LaunchPlan } from "../launch/launcher.ts";
import { lockedKeys, withLockedKeys } from "../launch/locked-keys.ts";
import type { AskpassDoor } from "../prompts/askpass.ts";
import { announced, READY } from "../transports/announced.ts";
import { SSH } from "../transports/word.ts";
import { Conversation } from "./conversation.ts";
import { Questions } from "./questions.ts";
import type { AttemptControl, SessionSettings } from "./settings.ts";
import { SshQuestions } from "./ssh-questions.ts";

export class Dialogue {
  readonly #settings: SessionSettings;
  readonly #questions: Questions;
  readonly #conversation: Conversation | undefined;
  readonly #ssh: SshQuestions;
  #door: AskpassDoor | undefined;

  constructor(settings: SessionSettings, control: AttemptControl) {
    const { transport, via, prompter } = settings;
    const { scheme, password: rule } = transport;
    this.#settings = settings;
    this.#questions = new Questions(settings, control);
    const way = [via?.name ?? "", ...transport.wrap([])].join("\0");
    const target = { name: settings.name, way };
    this.#ssh = new SshQuestions(target, this.#questions, (text) => prompter?.notice(text));
    const place = rule && { host: via?.name ?? "local", scheme, rule };
    const nonce = randomBytes(12).toString("base64url");
    const parts = { questions: this.#questions, ssh: this.#ssh, control };
    this.#conversation = place && new Conversation(place, nonce, parts);
  }

  /** @returns how the child is started that shall run `stage` */
  plan(stage: readonly string[]): Omit<LaunchPlan, "id" | "nonce" | "preamble" | "replay"> {
    const { transport, prompter, via } = this.#settings;
    const { asks, isClient } = transport;
    const conversation = this.#conversation;
    if (conversation === undefined) {
      const isOwn = asks && (via === undefined || transport.engine !== undefined);
      if (isOwn && transport.engine !== "embedded") this.#door = prompter?.door(this.#ssh);
      const asker = isOwn && transport.engine !== undefined ? this.#ssh : undefined;
      return { argv: transport.wrap(stage), asks, isClient, asker, env: this.#door?.env };
    }
    const isOnTerminal = ["terminal", "ssh"].includes(transport.password?.prompt ?? "");
    const prompt = prompter?.isAble === true ? conversation.prompt : undefined;
    return {
      argv: transport.wrap(announced(stage), prompt),
      asks,
      isClient,
      hold: READY,
      pty: isOnTerminal,
    };
  }

  get listener(): Omit<LaunchListener, "closed"> {
    return {
      said: (text) => this.#conversation?.said(text),
      held: () => this.#questions.accepted(),
    };
  }

  /** When a question was last open, on `performance.now`. */
  lastAsked(): number {
    return this.#questions.clock.last();
  }

  /** The slave has answered. */
  booted(): void {
    this.#questions.accepted();
    this.#door?.close();
    const { account } = this.#ssh;
    const { prompter, name } = this.#settings;
    // The same account may be asked for by sudo there.
    if (account !== undefined) prompter?.remember(account.way, account.user, name);
  }

  /** @returns why there is no slave, in the words of what was asked, or could not be asked */
  async explained(error: EcontextError): Promise<EcontextError> {
    const { transport, via } = this.#settings;
    const isHere = via === undefined || transport.engine === "embedded";
    const isDenied = error.code === "ERR_TRANSPORT_PERMISSION_DENIED";
    const mayLackKeys = transport.scheme === SSH && !transport.asks && isHere && isDenied;
    if (mayLackKeys) return withLockedKeys(error, await lockedKeys(transport));
    return this.#questions.explained(error);
  }

  /** There will be no slave, for this reason. */
  ended(reason: EcontextError | undefined): void {
    this.#questions.ended(reason);
    this.#door?.close();
  }
}
