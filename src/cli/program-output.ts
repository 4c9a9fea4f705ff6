/**
 * The output of a user's program. Bun writes `process.stdout` in the background: bytes that a slow
 * reader has not taken are lost when the process exits, and `console.log` overtakes them. Here each
 * write is complete when it returns, as in Node.js, so all bytes arrive in the order of the calls.
 *
 * The program may print by `console`, which is synchronous by itself, by `process.stdout`, by
 * `Bun.write(Bun.stdout)` and by `Bun.stdout.writer()`; the same for stderr.
 */
import { writeSync } from "node:fs";
import { Writable } from "node:stream";
import { BlockingWriter } from "../io/fd.ts";
import { wasClosed } from "./closed.ts";

type Data = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

interface Output {
  readonly file: Bun.BunFile;
  /** Arguments of `Bun.write` and `Bun.file` that mean this output. */
  readonly names: readonly unknown[];
  readonly writer: Writer;
}

type Writer = Pick<BlockingWriter, "write">;

/** Blobs and Responses that are being read, to be printed. */
const unread = new Set<Promise<unknown>>();

/** Call it before the program runs. */
export function printSynchronously(): void {
  const outputs: Output[] = [];
  const problem = problemOfOutput();
  if (problem !== undefined) failAtExit(problem);
  for (const [stream, file, fd] of [
    [process.stdout, Bun.stdout, 1],
    [process.stderr, Bun.stderr, 2],
  ] as const) {
    const writer = fd === 1 && problem !== undefined ? failing(problem) : new BlockingWriter(fd);
    replaceStream(stream, writer);
    replaceFile(file, writer);
    const path = fd === 1 ? "/dev/stdout" : "/dev/stderr";
    const names = [file, fd, path, `/dev/fd/${fd}`, `/proc/self/fd/${fd}`];
    outputs.push({ file, names, writer });
  }
  const { write, file: open } = Bun as unknown as Record<string, (...args: unknown[]) => unknown>;
  const named = (name: unknown) => outputs.find(({ names }) => names.includes(name));
  Object.assign(Bun, {
    write(to: unknown, data: unknown, ...options: unknown[]) {
      const writer = named(to)?.writer;
      return writer === undefined ? write?.(to, data, ...options) : print(writer, data);
    },
    file: (name: unknown, ...options: unknown[]) => named(name)?.file ?? open?.(name, ...options),
  });
}

/** Why standard output takes no byte: it was closed, or it is a device that is full. */
function problemOfOutput(): Error | undefined {
  if (wasClosed(1)) return new Error("standard output is closed");
  try {
    writeSync(1, new Uint8Array());
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const failing = (problem: Error): Writer => ({
  write() {
    throw problem;
  },
});

/** Methods of `console` that print to standard output. Bun's own do not report an error. */
const PRINTING = ["log", "info", "debug", "dir", "table", "group"] as const;

/** The process ends with status 1, and says why, if the program has printed by `console`. */
function failAtExit(problem: Error): void {
  let isLost = false;
  for (const name of PRINTING) {
    console[name] = () => {
      isLost = true;
    };
  }
  process.on("exit", (status) => {
    if (!isLost || status !== 0) return;
    writeSync(2, `econtext: ${problem.message}\n`);
    process.exitCode = 1;
  });
}

/** Resolves when all Blobs and Responses are printed. */
export async function printed(): Promise<void> {
  while (unread.size > 0) await Promise.allSettled(unread);
}

function replaceStream(stream: NodeJS.WriteStream, writer: Writer): void {
  // Bun's own `write` does not call `_write`.
  Object.assign(stream, {
    write: Writable.prototype.write,
    _write(chunk: Data, encoding: BufferEncoding, done: (error?: unknown) => void) {
      try {
        writer.write(typeof chunk === "string" ? Buffer.from(chunk, encoding) : bytesOf(chunk));
      } catch (error) {
        done(error);
        return;
      }
      done();
    },
    _final: (done: () => void) => done(),
  });
}

function replaceFile(file: Bun.BunFile, writer: Writer): void {
  const write = (data: Data): number => {
    const bytes = bytesOf(data);
    writer.write(bytes);
    return bytes.length;
  };
  // As a FileSink, but without a buffer.
  const sink = { write, flush: () => 0, end: () => 0, start() {}, ref() {}, unref() {} };
  Object.defineProperties(file, {
    writer: { value: () => sink, configurable: true },
    write: { value: (data: unknown) => print(writer, data), configurable: true },
  });
}

/** Like `Bun.write`. */
async function print(writer: Writer, data: unknown): Promise<number> {
  if (isData(data)) {
    const bytes = bytesOf(data);
    writer.write(bytes);
    return bytes.length;
  }
  const source = Array.isArray(data) ? new Blob(data) : data;
  const reading = new Response(source as ConstructorParameters<typeof Response>[0]).arrayBuffer();
  unread.add(reading);
  try {
    const bytes = new Uint8Array(await reading);
    writer.write(bytes);
    return bytes.length;
  } finally {
    unread.delete(reading);
  }
}

function isData(data: unknown): data is Data {
  const isBuffer = data instanceof ArrayBuffer || data instanceof SharedArrayBuffer;
  return typeof data === "string" || isBuffer || ArrayBuffer.isView(data);
}

function bytesOf(data: Data): Uint8Array {
  if (typeof data === "string") return new TextEncoder().encode(data);
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
