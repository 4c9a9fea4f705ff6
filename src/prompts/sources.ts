/**
 * Sources of passwords other than a person: a function of the user's, a command, and a password
 * that was given at the start.
 */
import { readSync } from "node:fs";
import { UsageError } from "../errors.ts";
import { neutralise } from "../text.ts";
import type { PasswordFunction, Question, Source } from "./question.ts";
import { Secret } from "./secret.ts";

/** Characters of an error message of a user's function or command. */
const SHOWN = 300;
const FD_HINT = "open the descriptor for reading, with one line: 3< FILE --password-fd 3";
/** How long a function or a command may take: it may ask a person. */
const ANSWER_MS = 120_000;
/** Longer than any password. */
const MAX_BYTES = 4096;
const NEWLINE = 10;
/** Milliseconds until a descriptor is tried again that does not block. */
const RETRY_MS = 10;

/** The option `password` of `connect`. It is asked every question. */
export function functionSource(answer: PasswordFunction, answerMs = ANSWER_MS): Source {
  const name = "the function password";
  return {
    name,
    isPerson: false,
    answersAll: true,
    ask: async ({ context, user, prompt }, signal) => {
      const asked = Promise.try(answer, { context, user, prompt }).then(
        (value) => (value === undefined ? undefined : Secret.of(value)),
        (cause: unknown) => {
          const why = cause instanceof Error ? cause.message : String(cause);
          const hint = "see why the function fails; undefined means that it does not know";
          throw failed(`${context}: ${name} threw an error: ${why}`, hint, cause);
        },
      );
      return inTime(asked, `${context}: ${name}`, { signal, answerMs });
    },
  };
}

/** A password that the user gave at the start. */
export function givenSource(name: string, secret: Secret): Source {
  return {
    name,
    isPerson: false,
    answersAll: false,
    ask: () => Promise.resolve(secret.copy()),
  };
}

/**
 * A shell command that prints the password, or nothing if it does not know. It finds what is asked
 * for in its environment, and the terminal is its standard error.
 */
export function commandSource(
  command: string,
  name = "password_command",
  answerMs = ANSWER_MS,
): Source {
  return {
    name,
    isPerson: false,
    answersAll: false,
    ask: async (question, signal) => {
      const what = `${question.context}: ${name} ${JSON.stringify(command)}`;
      const late = new AbortController();
      const asked = askCommand(command, question, AbortSignal.any([signal, late.signal]));
      try {
        return await inTime(asked, what, { signal, answerMs });
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error;
        throw failed(`${what}: ${error.message}`, "run the command by hand");
      } finally {
        late.abort();
      }
    },
  };
}

/** How a command ended that gave no password. */
class CommandFailure extends Error {}

async function askCommand(
  command: string,
  { context, host, user, prompt }: Question,
  signal: AbortSignal,
): Promise<Secret | undefined> {
  const child = Bun.spawn(["/bin/sh", "-c", command], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      ECONTEXT_CONTEXT: context,
      ECONTEXT_HOST: host,
      ECONTEXT_USER: user,
      ECONTEXT_PROMPT: prompt,
    },
    signal,
  });
  const secret = Secret.ofFirstLine(await child.stdout.bytes());
  const status = await child.exited;
  const how = child.signalCode === null ? `with status ${status}` : `by ${child.signalCode}`;
  if (status === 0) return secret.isEmpty ? undefined : secret;
  secret.wipe();
  throw new CommandFailure(`the command ended ${how}`);
}

/**
 * @param asked an answer that comes too late is overwritten
 * @returns undefined if the question is not of interest any more
 * @throws {UsageError} `ERR_USAGE_PASSWORD`: it took too long
 */
async function inTime(
  asked: Promise<Secret | undefined>,
  what: string,
  { signal, answerMs }: { readonly signal: AbortSignal; readonly answerMs: number },
): Promise<Secret | undefined> {
  const enough = Promise.withResolvers<undefined>();
  const stop = (): void => enough.resolve(undefined);
  const tooLate = (): void =>
    enough.reject(
      failed(`${what}: gave no password within ${answerMs} ms`, "see what it waits for"),
    );
  const timer = setTimeout(tooLate, answerMs);
  signal.addEventListener("abort", stop);
  let isOver = false;
  asked.then(
    (secret) => isOver && secret?.wipe(),
    () => {},
  );
  try {
    return await Promise.race([asked, enough.promise]);
  } finally {
    isOver = true;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Reads the first line of a descriptor, and no byte more.
 *
 * @throws {UsageError} `ERR_USAGE_PASSWORD`
 */
export async function readDescriptor(fd: number): Promise<Secret> {
  const bytes = new Uint8Array(MAX_BYTES);
  let length = 0;
  try {
    while (length < MAX_BYTES) {
      const count = await readByte(fd, bytes, length);
      if (count === 0 || bytes[length] === NEWLINE) break;
      length += 1;
    }
    const secret = Secret.ofFirstLine(bytes.slice(0, length));
    if (!secret.isEmpty) return secret;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw failed(`--password-fd ${fd}: ${why}`, FD_HINT, error);
  } finally {
    bytes.fill(0);
  }
  throw failed(`--password-fd ${fd}: no password came`, FD_HINT);
}

async function readByte(fd: number, into: Uint8Array, at: number): Promise<number> {
  for (;;) {
    try {
      return readSync(fd, into, at, 1, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function failed(problem: string, hint: string, cause?: unknown): UsageError {
  const message = `${neutralise(problem.slice(0, SHOWN))}\n  try: ${hint}`;
  return new UsageError("ERR_USAGE_PASSWORD", message, { cause });
}
