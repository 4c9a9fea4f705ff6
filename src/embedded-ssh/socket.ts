/**
 * The bytes to an ssh server: a TCP connection, or the command of `ProxyCommand`. Failures are told
 * in ssh's words.
 */
import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { closeSync, openSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { hangUpGroup } from "../launch/process-group.ts";
import type { SshSettings } from "./settings.ts";
import { reasonOf } from "./system-errors.ts";
import { expandTokens } from "./tokens.ts";

/** The server cannot be reached. The message is what ssh would print. */
class Unreachable extends Error {}

export interface SshWire {
  readonly stream: Duplex;
  /** Of the server; absent behind a proxy. */
  readonly address?: string;
}

const RETRY_MS = 1000;
/** Errors of looking up a name, in the words of the C library. */
const LOOKUP_FAILURES: Readonly<Record<string, string>> = {
  EAI_AGAIN: "Temporary failure in name resolution",
  EADDRFAMILY: "Address family for hostname not supported",
};

/** @throws {Unreachable} */
export async function openSocket(settings: SshSettings, signal: AbortSignal): Promise<SshWire> {
  const addresses = await addressesOf(settings);
  let failure = failedTo(settings, new Error("failure"));
  for (let attempt = 0; attempt < settings.attempts; attempt++) {
    if (attempt > 0) await Bun.sleep(RETRY_MS);
    for (const { address } of addresses) {
      signal.throwIfAborted();
      try {
        return { stream: await connectTo(address, settings, signal), address };
      } catch (error) {
        failure = failedTo(settings, error as NodeJS.ErrnoException);
      }
    }
  }
  throw failure;
}

/** The bytes of a command. */
interface CommandWire extends SshWire {
  /** Resolves when the stream is closed, and no process of the command's group is left. */
  readonly gone: Promise<void>;
}

/**
 * Starts the command of ProxyCommand, in a process group of its own. When the stream is closed, the
 * group gets SIGHUP, as from ssh.
 *
 * @param say gets its error output
 */
export function openCommand(
  settings: SshSettings,
  command: string,
  say: (text: string) => void,
): CommandWire {
  const text = `exec ${expandTokens(command, settings)}`;
  const shell = process.env["SHELL"] || "/bin/sh";
  const child = spawn(shell, ["-c", text], { stdio: ["pipe", "pipe", "pipe"], detached: true });
  child.stderr.setEncoding("utf8").on("data", say);
  child.on("error", (error) => say(`${shell}: ${error.message}\r\n`));
  const { pid } = child;
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const silent = new Promise<void>((end) => child.stderr.once("close", end));
  const stream = new PipePair(child.stdin, child.stdout, silent, () => {
    resolve(pid === undefined ? undefined : hangUpGroup(pid));
  });
  return { stream, gone };
}

/** How long the end waits for what the program says last. Others may hold that pipe open. */
const LAST_WORDS_MS = 250;

/** One duplex of a program's two pipes. */
class PipePair extends Duplex {
  readonly #in: NodeJS.WritableStream;
  readonly #out: NodeJS.ReadableStream;
  readonly #end: () => void;

  /** @param silent resolves when the program's error output has ended: that tells of the end why */
  constructor(
    stdin: NodeJS.WritableStream,
    stdout: NodeJS.ReadableStream,
    silent: Promise<void>,
    end: () => void,
  ) {
    super();
    this.#in = stdin;
    this.#out = stdout;
    this.#end = end;
    const whenSilent = async (end: () => void): Promise<void> => {
      await Promise.race([silent, Bun.sleep(LAST_WORDS_MS)]);
      if (!this.destroyed) end();
    };
    stdin.on("error", () => void whenSilent(() => this.destroy()));
    stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.on("end", () => void whenSilent(() => this.push(null)));
    stdout.on("error", () => this.destroy());
  }

  override _read(): void {
    this.#out.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#in.write(chunk)) done();
    else this.#in.once("drain", done);
  }

  override _final(done: () => void): void {
    this.#in.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#in.end();
    this.#end();
    done(error);
  }
}

/** @throws {Unreachable} */
async function addressesOf({ hostname, family }: SshSettings) {
  const bare = hostname.replace(/%.*$/, "");
  const kind = isIP(bare);
  if (kind !== 0 && family !== 0 && kind !== family) throw unresolved(hostname, "EADDRFAMILY");
  if (kind !== 0) return [{ address: hostname }];
  try {
    return await lookup(hostname, { family, all: true, verbatim: true });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw unresolved(hostname, code);
  }
}

function connectTo(
  address: string,
  { port, bindAddress, connectSeconds, keepsAlive }: SshSettings,
  signal: AbortSignal,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const local = bindAddress === undefined ? {} : { localAddress: bindAddress };
  const socket = connect({ host: address, port, noDelay: true, ...local });
  const giveUp = (error: Error): void => {
    socket.destroy();
    reject(error);
  };
  const timeout = Object.assign(new Error("Connection timed out"), { code: "ETIMEDOUT" });
  const timer =
    connectSeconds === undefined
      ? undefined
      : setTimeout(() => giveUp(timeout), connectSeconds * 1000);
  const aborted = (): void => giveUp(signal.reason as Error);
  signal.addEventListener("abort", aborted, { once: true });
  const failed = (error: Error): void => giveUp(shortage() ?? error);
  socket.once("error", failed);
  socket.once("connect", () => {
    socket.setKeepAlive(keepsAlive);
    socket.off("error", failed);
    resolve(socket);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
  });
}

/**
 * Bun says ECONNREFUSED where there is no descriptor for the socket.
 *
 * @returns the system's error if this process can open no further file
 */
function shortage(): Error | undefined {
  try {
    closeSync(openSync("/dev/null", "r"));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

type Place = Pick<SshSettings, "hostname" | "port">;

/** @returns what ssh would print of an error of connecting, or of looking up the name */
export function failedTo({ hostname, port }: Place, error: NodeJS.ErrnoException): Unreachable {
  const { code = "" } = error;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return unresolved(hostname, code);
  return new Unreachable(`ssh: connect to host ${hostname} port ${port}: ${reasonOf(error)}`);
}

function unresolved(hostname: string, code: string): Unreachable {
  const why = LOOKUP_FAILURES[code] ?? "Name or service not known";
  return new Unreachable(`ssh: Could not resolve hostname ${hostname}: ${why}`);
}
