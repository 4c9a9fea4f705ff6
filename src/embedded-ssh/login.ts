/**
 * Login: authenticates by ssh's rules. It tries the methods that both ends allow, in the order of
 * the configuration. Its questions have ssh's own words, so that the sources of passwords recognise
 * them.
 */
import type { NextAuthHandler, Prompt } from "ssh2";
import type { Asker } from "../launch/child.ts";
import { answerTo } from "./answers.ts";
import type { BoundAgent } from "./bound-agent.ts";
import { Refusal } from "./failures.ts";
import { IdentityAgent, isAccepted, type Offered, offeredKeys } from "./identities.ts";
import { identityOf } from "./key-file.ts";
import { isShortage } from "./key-text.ts";
import type { SshSettings } from "./settings.ts";
import type { NewPassword } from "./ssh2-internals.ts";

type Method = SshSettings["login"]["methods"][number];
type Next = Parameters<NextAuthHandler>[0];

/** Most partial successes. A server that always demands another method would never end. */
const MOST_PARTS = 32;

export interface LoginUse {
  readonly asker: Asker | undefined;
  /** Gets the text that ssh would print on standard error. */
  say(text: string): void;
  /** Undefined: none is used. */
  readonly agent: BoundAgent | undefined;
  /** Ends the connection, for a reason that is no answer of the server. */
  failed(error: Error): void;
}

export class Login {
  readonly #settings: SshSettings;
  readonly #asker: Asker | undefined;
  readonly #say: (text: string) => void;
  readonly #agent: BoundAgent | undefined;
  readonly #failed: (error: Error) => void;
  /** Undefined until keys are needed. */
  #offered: Offered | undefined;
  /** How often each method was tried. */
  readonly #tried = new Map<Method, number>();
  /** How many rounds of keys were tried. */
  #rounds = 0;
  /** How many rounds of questions the server has asked. */
  #answered = 0;
  /** How often the server has demanded another password. */
  #changes = 0;
  /** The methods that the server still allows; undefined at first. */
  #left: readonly string[] | undefined;
  /** Whether the last method succeeded, and the server demands another one. */
  #isPartial = false;
  /** Makes ssh2 try a method. */
  #done: NextAuthHandler | undefined;
  /** Number of partial successes. */
  #parts = 0;
  #isDoubtful = false;
  /** Whether keys were offered last. */
  #isOfferingKeys = false;

  constructor(settings: SshSettings, { asker, say, agent, failed }: LoginUse) {
    this.#settings = settings;
    this.#asker = asker;
    this.#say = say;
    this.#agent = agent;
    this.#failed = failed;
  }

  /** Takes note that the host key is not the known one: no password is sent. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /**
   * Takes note of the server's answer to a method. ssh2 forgets it after keys: it would go on with
   * the next key though the last one has succeeded.
   *
   * @param left the methods that the server still allows
   * @param isPartial whether the method succeeded, and the server demands another one
   * @returns whether the login goes on with the next method, so that ssh2 must do nothing
   */
  heard(left: readonly string[], isPartial: boolean): boolean {
    this.#left = left;
    this.#isPartial = isPartial;
    const goesOn = isPartial && this.#isOfferingKeys && this.#done !== undefined;
    if (goesOn) this.next(this.#done as NextAuthHandler);
    return goesOn;
  }

  /** Tells ssh2 the next method. */
  next(done: NextAuthHandler): void {
    this.#done = done;
    const left = this.#left;
    if (left === undefined) {
      done({ type: "none", username: this.#settings.user });
      return;
    }
    this.#isOfferingKeys = false;
    if (this.#isPartial) {
      this.#isPartial = false;
      this.#parts += 1;
      this.#tried.clear();
      this.#rounds = 0;
    }
    if (this.#parts > MOST_PARTS) {
      done(false as unknown as Next);
      return;
    }
    void this.#next(left).then(done, (error: Error) => {
      if (error instanceof Refusal || isShortage(error)) return this.#failed(error);
      this.#say(`${error.message}\r\n`);
      done(false as unknown as Next);
    });
  }

  /**
   * The server demands another password: asks for the old one and for the new one, as ssh does.
   *
   * @param told what the server says about it
   * @returns undefined if nothing answers
   */
  async newPassword(told: string): Promise<NewPassword | undefined> {
    if (told !== "") this.#say(`${told.trimEnd()}\r\n`);
    const isAble = this.#asker !== undefined && !this.#isDoubtful;
    if (!isAble || this.#changes++ >= this.#settings.login.prompts) return undefined;
    const { user, alias, hostname } = this.#settings;
    const account = `${user}@${alias ?? hostname}`;
    const ask = (text: string): Promise<string | undefined> => answerTo(this.#asker, text);
    const old = await ask(`Enter ${account}'s old password: `);
    while (old !== undefined) {
      const fresh = await ask(`Enter ${account}'s new password: `);
      if (fresh === undefined) break;
      const again = await ask(`Retype ${account}'s new password: `);
      if (fresh === again) return { old, fresh };
      if (again === undefined) break;
      this.#say("Mismatch; try again, EOF to quit.\r\n");
    }
    return undefined;
  }

  /**
   * @returns the reason to leave the server to another ssh, if it takes none of the keys that it is
   *   offered now; undefined: there is none
   */
  get refusal(): Refusal | undefined {
    return this.#isOfferingKeys ? this.#keysRefusal() : undefined;
  }

  /** @returns the text that ssh prints when all methods have failed */
  denied(): string {
    const { user, hostname } = this.#settings;
    const left = this.#left ?? [];
    const lacking = [
      ...(this.#offered?.left ?? []),
      ...(left.includes("gssapi-with-mic") ? ["it does not try gssapi-with-mic"] : []),
    ].map((text) => `The embedded ssh: ${text}.\r\n`);
    return `${lacking.join("")}${user}@${hostname}: Permission denied (${left.join(",")}).\r\n`;
  }

  async #next(left: readonly string[]): Promise<Next> {
    const username = this.#settings.user;
    for (const method of this.#settings.login.methods) {
      if (!left.includes(method)) continue;
      if (method === "publickey") {
        const agent = await this.#nextKeys();
        this.#isOfferingKeys = agent !== undefined;
        if (agent !== undefined) return { type: "agent", username, agent };
        const refusal = this.#keysRefusal();
        if (refusal !== undefined) throw refusal;
        continue;
      }
      const isAble = this.#asker !== undefined && !this.#isDoubtful;
      if (!isAble || this.#count(method) >= this.#settings.login.prompts) continue;
      // If the server has asked nothing the last time, a second try is useless.
      if (method === "keyboard-interactive" && this.#count(method) > this.#answered) continue;
      if (this.#count(method) > 0) this.#say("Permission denied, please try again.\r\n");
      this.#try(method);
      if (method === "keyboard-interactive") {
        return { type: method, username, prompt: (...asked) => void this.#answer(asked) };
      }
      const password = await this.#password();
      if (password !== undefined) return { type: method, username, password };
      this.#tried.set(method, Number.POSITIVE_INFINITY);
    }
    return false as unknown as Next;
  }

  /** The files are read, and the agent is asked, once a server that is verified takes keys. */
  async #keys(): Promise<Offered> {
    if (this.#offered !== undefined) return this.#offered;
    const { login } = this.#settings;
    const [asker, say, agent] = [this.#asker, this.#say, this.#agent];
    this.#offered = await offeredKeys(login, { asker, attempts: login.prompts, say, agent });
    return this.#offered;
  }

  /** @returns why another ssh may have more keys to offer; undefined: it has none */
  #keysRefusal(): Refusal | undefined {
    const { certificate } = this.#offered ?? {};
    if (certificate === undefined) return undefined;
    return new Refusal(`it cannot offer the certificate "${certificate}" of the agent`);
  }

  /** @returns the keys of the next round; undefined: all were tried */
  async #nextKeys(): Promise<IdentityAgent | undefined> {
    const { login } = this.#settings;
    const { rounds } = await this.#keys();
    for (;;) {
      const round = rounds[this.#rounds++];
      if (round === undefined) return undefined;
      if (!("open" in round)) return new IdentityAgent(round, login);
      const key = await round.open();
      if (key === undefined || !isAccepted(key, login)) continue;
      return new IdentityAgent([identityOf(round, key)], login);
    }
  }

  #password(): Promise<string | undefined> {
    const { user, alias, hostname } = this.#settings;
    return answerTo(this.#asker, `${user}@${alias ?? hostname}'s password: `);
  }

  async #answer([name, instructions, , prompts, finish]: Asked): Promise<void> {
    const { user, alias, hostname } = this.#settings;
    this.#answered += 1;
    const told = [name, instructions].filter((text) => text !== "").join("\n");
    const answers: string[] = [];
    for (const { prompt } of prompts) {
      const shown = told === "" ? prompt : `${told}\n${prompt}`;
      const text = await answerTo(this.#asker, `(${user}@${alias ?? hostname}) ${shown}`);
      if (text === undefined) {
        this.#tried.set("keyboard-interactive", Number.POSITIVE_INFINITY);
      }
      // Like ssh, without an answer it sends an empty one, which the server refuses.
      answers.push(text ?? "");
    }
    finish(answers);
  }

  #count(method: Method): number {
    return this.#tried.get(method) ?? 0;
  }

  #try(method: Method): void {
    this.#tried.set(method, this.#count(method) + 1);
  }
}

type Asked = readonly [
  name: string,
  instructions: string,
  lang: string,
  prompts: readonly Prompt[],
  finish: (answers: string[]) => void,
];
