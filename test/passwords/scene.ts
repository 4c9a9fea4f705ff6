/**
 * Accounts for one file of tests, and all that is printed with them. At the end, their passwords
 * are looked for in what was printed, and in arguments and environments of all processes meanwhile.
 */
import { expect } from "bun:test";
import { makeUser, type ScratchUser } from "../helpers/scratch-user.ts";
import { askWho, askWhoOnTerminal, type Ran } from "./run.ts";
import { type Watch, watchProcesses } from "./watch.ts";

export class Scene {
  readonly #watch: Watch = watchProcesses();
  readonly #users: ScratchUser[] = [];
  readonly #secrets: string[] = [];
  readonly #undo: (() => void)[] = [];
  #printed = "";

  /** @param root as of `makeUser` */
  user(root?: string): ScratchUser {
    const made = makeUser(root);
    this.#users.push(made);
    this.secret(made.password);
    return made;
  }

  /** From now on, this must be found nowhere. */
  secret(text: string): void {
    this.#secrets.push(text);
    this.#watch.add(text);
  }

  /** Does `work` at the end. */
  atEnd(work: () => void): void {
    this.#undo.push(work);
  }

  async who(...args: Parameters<typeof askWho>): Promise<Ran> {
    const ran = await askWho(...args);
    this.#printed += ran.all;
    return ran;
  }

  async whoOnTerminal(...args: Parameters<typeof askWhoOnTerminal>): Promise<string> {
    const shown = await askWhoOnTerminal(...args);
    this.#printed += shown;
    return shown;
  }

  async end(): Promise<void> {
    const found = await this.#watch.end();
    for (const user of this.#users) user[Symbol.dispose]();
    for (const work of this.#undo) work();
    expect(found).toBe("");
    for (const secret of this.#secrets) expect(this.#printed).not.toContain(secret);
  }
}
