/**
 * Runs the real importer in a real interpreter against the real responder, without a core and
 * without a stream: what a far module does when it is called. Knows the harness
 * (importer-harness.cjs) and no transport.
 */
import { join } from "node:path";
import { JS_TIER2 } from "../../src/interpreters/embedded.ts";
import { JavaScriptFinder } from "../../src/modules/javascript/finder.ts";
import { JavaScriptResponder } from "../../src/modules/javascript/responder.ts";
import type { Supplied } from "../../src/modules/responder.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { encodeValue } from "../../src/protocol/value.ts";

export interface Told {
  readonly result?: unknown;
  /** Whether the function was found without waiting. */
  readonly wasSync?: boolean;
  readonly error?: { name?: string; message: string; code?: string; stack?: string };
}

/** An interpreter with the harness in it. */
export class FarImporter implements AsyncDisposable {
  readonly finder: JavaScriptFinder;
  /** What was asked for, in order. */
  readonly asked: unknown[] = [];
  readonly #responder: JavaScriptResponder;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string>;

  constructor(interpreter: string, roots: readonly string[]) {
    this.finder = new JavaScriptFinder(roots);
    this.#responder = new JavaScriptResponder(this.finder, { tier2: {} });
    const argv = [interpreter, join(import.meta.dir, "importer-harness.cjs")];
    this.#child = Bun.spawn(argv, { stdin: "pipe", stdout: "pipe" });
    this.#lines = lines(this.#child.stdout);
    // What is sent is what is tested: minified. What lies beside modules is no subject here.
    this.#say({ texts: { ...JS_TIER2, roots: "exports.folders=exports.unpack=[]" } });
  }

  /**
   * Call `MODULE:path` or `[MODULE, SOURCE]`; `offers` says whether its modules go along unasked.
   */
  async call(
    name: string | readonly [string, string],
    args: unknown[] = [],
    offers = true,
  ): Promise<Told> {
    const module = typeof name === "string" ? name.slice(0, name.lastIndexOf(":")) : name[0];
    const offered = offers && module !== "" ? this.#responder.offer([module], []) : [];
    for (const message of offered) {
      if (message.handle === HANDLES.LOAD_BUNDLE) this.#say({ offer: sendable(message) });
    }
    this.#say({ call: name, args });
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error("the far side ended");
      const message = JSON.parse(value as string) as Told & { get?: unknown };
      if (message.get === undefined) return this.#mapped(message);
      this.asked.push(message.get);
      const answer = this.#responder.answer(Buffer.concat(encodeValue(message.get).chunks));
      this.#say({ answer: sendable(answer) });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }

  #mapped(told: Told): Told {
    if (told.error?.stack === undefined) return told;
    return { error: { ...told.error, stack: this.finder.mapStack(told.error.stack) } };
  }

  #say(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
    this.#child.stdin.flush();
  }
}

function sendable({ flags, body }: Supplied): [flags: number, body: string] {
  return [flags, Buffer.from(body).toString("base64")];
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
