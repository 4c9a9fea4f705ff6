/**
 * A peer under measurement: a child process that opens contexts its own way and tells how long it
 * took.
 *
 * Every peer is a driver (drivers/), econtext too, so that each has a process of its own, its clock
 * runs where the work is done, and its memory is its own. The protocol: the driver says one `Hello`
 * line, then answers each `Request` line with one `Answer` line, and ends when its stdin does. One
 * that ends before its hello is a peer that this machine does not have.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What runs there; peers in Python know one only. */
export type Runtime = "python" | "bun" | "node";

/** Behind a bastion. `#` in the path stands for the number of a context. */
export interface PathPlace {
  readonly kind: "path";
  readonly config: string;
  readonly path: string;
}

/** Where a context is opened. `program` stands in for `ssh`, or is it. */
export type Place = {
  readonly runs?: Runtime;
} /** `interpreter` is a program in place of the one that would run there. */ & (
  | { readonly kind: "local"; readonly interpreter?: string }
  /** Local, as the child of a local context that such an interpreter runs. */
  | { readonly kind: "behind"; readonly hop: Runtime }
  | PathPlace
  | { readonly kind: "ssh"; readonly config: string; readonly program: string }
);

/**
 * connect: open a context, make a first call, close it: `ms` is for the first two. open, close:
 * hold a context for what follows. calls: `n` one after the other, `us` each. pipelined: `n`, of
 * which `window` are outstanding. bulk: `n` calls with an argument of `bytes` each. results: `n`
 * calls with a result of `bytes` each. fan: `n`
 * contexts at once, each with a first call. grow: opens and holds `n` more contexts, each with a
 * first call, and tells the `kilobytes` of this process. import: the first call into a package; of
 * plain Python, loading `site` and the same modules from memory. first: connect, where the first
 * call is that one.
 * second: a call in the language of `runs`, in a local context that speaks the other language until
 * then: `ms`, and `tripMs` of a later call; of plain processes, what it adds to an interpreter's
 * start that such an interpreter starts it. answer: of plain ssh alone: connect until one line of
 * stdin has come back.
 */
export type Operation =
  | "connect"
  | "open"
  | "close"
  | "calls"
  | "pipelined"
  | "bulk"
  | "results"
  | "fan"
  | "grow"
  | "import"
  | "first"
  | "second"
  | "answer";

export interface Request {
  readonly op: Operation;
  readonly to: Place;
  readonly n: number;
  readonly window: number;
  readonly bytes: number;
  readonly module: string;
}

export type Answer =
  | { readonly version: string }
  | { readonly ok: Record<string, unknown> }
  | { readonly error: string };

const ANSWER_TIMEOUT_MS = 180_000;
const END_TIMEOUT_MS = 5_000;
/** What a driver that broke the protocol gets to leave by itself, and its last words to arrive. */
const BROKEN_MS = 300;
const SAID_BYTES = 4096;

/** A driver's process group; ends with the bench whatever happens to either. */
export class Driver {
  readonly name: string;
  version = "";
  #child: ReturnType<typeof spawn>;
  #lines: AsyncIterator<string>;
  #exited: Promise<void>;
  #closed: Promise<void>;
  #said = "";
  #broken = false;

  private constructor(name: string, argv: readonly string[], env: NodeJS.ProcessEnv) {
    this.name = name;
    const [command = "", ...args] = argv;
    // A group of its own: ctrl-C reaches the bench alone, which then ends its drivers in order.
    this.#child = spawn(command, args, { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    this.#exited = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    this.#closed = new Promise((resolve) => this.#child.once("close", () => resolve()));
    this.#child.on("error", () => {});
    this.#child.stdin?.on("error", () => {});
    this.#child.stderr?.on("data", (data: Buffer) => {
      this.#said = (this.#said + data.toString()).slice(-SAID_BYTES);
    });
    const input = this.#child.stdout;
    if (input === null) throw new Error("no stdout");
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
  }

  /** @throws in one line, why this machine does not have the peer. */
  static async start(
    name: string,
    argv: readonly string[],
    env: NodeJS.ProcessEnv,
  ): Promise<Driver> {
    const driver = new Driver(name, argv, env);
    try {
      const hello = await driver.#next();
      if (!("version" in hello)) throw new Error("no greeting");
      driver.version = hello.version;
      return driver;
    } catch (error) {
      await driver.end();
      throw new Error(driver.#lastWords() ?? String(error));
    }
  }

  /** The last line on stderr that tells of an error: runtimes print more lines after it. */
  #lastWords(): string | undefined {
    const lines = this.#said.split("\n").filter((line) => line.trim() !== "");
    return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The one number that most answers are. */
  async number(op: Operation, args: Partial<Request>, field: string): Promise<number> {
    const value = (await this.ask(op, args))[field];
    if (typeof value !== "number") throw new Error(`${op}: no ${field}`);
    return value;
  }

  /** After an error that is the driver's own (it died, or is silent) it can do nothing any more. */
  async ask(op: Operation, args: Partial<Request> = {}): Promise<Record<string, unknown>> {
    if (this.#broken) throw new Error("the driver is out of order");
    this.#child.stdin?.write(`${JSON.stringify({ op, ...args })}\n`);
    const answer = await this.#next();
    if ("ok" in answer) return answer.ok;
    throw new Error("error" in answer ? answer.error : "no answer");
  }

  async #next(): Promise<Answer> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer in time")), ANSWER_TIMEOUT_MS);
    });
    try {
      const line = await Promise.race([this.#lines.next(), silence]);
      if (line.done === true) throw new Error("the driver ended");
      return JSON.parse(line.value) as Answer;
    } catch (error) {
      this.#broken = true;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets it close its contexts, then kills its group. */
  async end(): Promise<void> {
    const { pid, stdin } = this.#child;
    stdin?.end();
    if (pid === undefined) return;
    const timer = setTimeout(() => kill(-pid), this.#broken ? BROKEN_MS : END_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
    kill(-pid);
    // Its last words are still on their way. A process that it left behind may hold that pipe
    // open for ever.
    await Promise.race([this.#closed, Bun.sleep(BROKEN_MS)]);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // No process is left in that group.
  }
}
