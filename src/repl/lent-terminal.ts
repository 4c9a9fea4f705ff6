/**
 * `!cmd` of a prompt: a shell command of a context has the user's terminal until it ends. Each key
 * goes to the command, and what it shows comes as it is. Knows no line editor.
 */
import type { Context, ExecResult, RemoteProcess } from "../index.ts";

/** The user's terminal, as a command needs it. */
export interface TerminalLender {
  /** Sends all keys to `take`. @returns what gives the keys back */
  divert(take: (bytes: Uint8Array) => void): () => void;
  readonly output: typeof process.stdout;
  /** Cancels the command. */
  interrupt(): void;
}

/** How a command ended, and whether the cursor is at the start of a line. */
export interface Shown extends ExecResult {
  readonly isAtStart: boolean;
}

const CTRL_C = 3;
const LINE_FEED = 10;
/** Milliseconds without output after ctrl-C. Then another ctrl-C cancels the command. */
const DEAF_MS = 1000;

/**
 * Runs a command on the user's terminal. Of a host that has no terminals, the result has a
 * `problem`: the command was not started.
 */
export async function runOnTerminal(
  context: Context,
  command: string,
  lender: TerminalLender,
): Promise<Shown> {
  const { output } = lender;
  const size = { columns: output.columns, rows: output.rows };
  const term = process.env["TERM"] ?? "xterm-256color";
  const remote = context.exec(["sh", "-c", command], {
    tty: { term, ...size },
    stdin: "pipe",
  });
  const keys = new Keys(remote, () => lender.interrupt());
  const giveBack = lender.divert((bytes) => keys.send(bytes));
  // The line editor would draw its line into what the command shows.
  const others = output.rawListeners("resize") as (() => void)[];
  const resize = (): void => remote.resize(output.columns, output.rows);
  for (const one of others) output.off("resize", one);
  output.on("resize", resize);
  let last = LINE_FEED;
  const show = async (): Promise<void> => {
    for await (const chunk of remote.stdout) {
      if (!isEcho(chunk)) keys.heard();
      last = chunk.at(-1) ?? last;
      if (!output.write(chunk)) await new Promise((resolve) => output.once("drain", resolve));
    }
  };
  try {
    // How the command ended says more than how its output did.
    await show().catch(() => {});
    return { ...(await remote.exited), isAtStart: last === LINE_FEED };
  } finally {
    giveBack();
    output.off("resize", resize);
    for (const one of others) output.on("resize", one);
  }
}

/** Whether a terminal shows no more than that ctrl-C was pressed. */
function isEcho(chunk: Uint8Array): boolean {
  return chunk.length < 8 && /^[\r\n^C]*$/.test(new TextDecoder().decode(chunk));
}

/** Keys on their way to a command. Ctrl-C is one of them, unless the command may not hear it. */
class Keys {
  readonly #remote: RemoteProcess;
  readonly #cancel: () => void;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array | string>;
  /** When ctrl-C was pressed, if nothing was shown since. */
  #asked: number | undefined;

  constructor(remote: RemoteProcess, cancel: () => void) {
    this.#remote = remote;
    this.#cancel = cancel;
    this.#writer = remote.stdin.getWriter();
  }

  send(bytes: Uint8Array): void {
    if (bytes.includes(CTRL_C)) this.#ask();
    // A command that has ended reads no more.
    this.#writer.write(bytes.slice()).catch(() => {});
  }

  heard(): void {
    this.#asked = undefined;
  }

  #ask(): void {
    const now = performance.now();
    const isDeaf = this.#asked !== undefined && now - this.#asked > DEAF_MS;
    if (isDeaf || this.#remote.pid === undefined) this.#cancel();
    this.#asked ??= now;
  }
}
