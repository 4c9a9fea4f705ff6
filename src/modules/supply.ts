/**
 * Supply: all that depends on the language of one context's slave. Which modules it is sent, the
 * answers to its requests, and how its stacks become positions in the user's own source. Makes
 * bodies of messages; its user sends them.
 */
import type { Language } from "../interpreters/kind.ts";
import type { Finders } from "./finders.ts";
import { JavaScriptResponder } from "./javascript/responder.ts";
import { PythonResponder } from "./python/responder.ts";
import { mapTraceback } from "./python/traceback.ts";
import type { ModuleAnswer, ModuleMessage, ModuleResponder } from "./responder.ts";
import type { Unpacking } from "./unpack-list.ts";

export interface SupplySettings {
  /** Whether the slave sees the same files as this process. */
  readonly sharesDisk: boolean;
  readonly unpacking: Unpacking;
}

export class Supply {
  readonly #finders: Finders;
  readonly #settings: SupplySettings;
  #language: Language | undefined;
  #responder: ModuleResponder | undefined;

  constructor(finders: Finders, settings: SupplySettings) {
    this.#finders = finders;
    this.#settings = settings;
  }

  /** Undefined until the plan, or the slave, has told. */
  get language(): Language | undefined {
    return this.#language;
  }

  /** The language is known. It does not change afterwards. */
  speaks(language: Language): void {
    if (this.#language !== undefined) return;
    this.#language = language;
    this.#responder =
      language === "python"
        ? new PythonResponder(this.#finders.python, this.#settings.unpacking)
        : new JavaScriptResponder(this.#finders.javascript, this.#settings);
  }

  /** @param root a folder that Python modules may come from, from now on */
  addRoot(root: string): void {
    this.#finders.python.addRoot(root);
  }

  /**
   * @param names modules that a call will import
   * @returns the messages that have a slave which waits get ready for them; see `ModuleResponder`
   */
  prepare(names: readonly string[]): readonly ModuleMessage[] {
    return this.#responder?.prepare?.(names) ?? [];
  }

  /**
   * @param names modules that a call will import
   * @param needs modules of the second tier that the call itself wants
   * @returns the messages with what the slave does not have yet
   */
  offer(names: readonly string[], needs: readonly string[]): readonly ModuleMessage[] {
    return this.#responder?.offer(names, needs) ?? [];
  }

  /**
   * @returns the answer to a `GET_MODULE`; undefined while the language is not known
   * @throws {ProtocolError} the request is malformed
   */
  answer(request: Uint8Array): ModuleAnswer | undefined {
    return this.#responder?.answer(request);
  }

  /** @returns a traceback or a log text with the positions of the user's own source */
  mapStack(text: string): string {
    if (this.#language === "python") return mapTraceback(text, this.#finders.python);
    return this.#finders.javascript.mapStack(text);
  }
}
