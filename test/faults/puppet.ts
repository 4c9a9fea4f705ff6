/**
 * Contexts whose slave is a puppet (puppet-slave.ts): the master takes it for a Python, and the
 * test pulls its strings through calls. Beside it lives a victim, a real slave, which must not
 * notice.
 */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type BrokerOptions, type Context, type LogRecord } from "../../src/index.ts";
import { HEADER_BYTES } from "../../src/protocol/frame.ts";
import { writeScript } from "../helpers/scripts.ts";

const SLAVE = join(import.meta.dir, "puppet-slave.ts");
const SAMPLE_MS = 10;
const MIB = 1 << 20;

export class Stage implements AsyncDisposable {
  readonly broker: Broker;
  readonly logs: LogRecord[] = [];
  readonly dir = mkdtempSync(join(tmpdir(), "econtext-puppet-"));

  constructor(options: BrokerOptions = {}) {
    const onLog = (record: LogRecord) => this.logs.push(record);
    this.broker = new Broker({ graceMs: 300, onLog, ...options });
  }

  /** @param mode how it behaves before it takes calls: see puppet-slave.ts */
  async puppet(mode = "", deadline = 20_000, name = "puppet"): Promise<Context> {
    const program = join(this.dir, `python-${mode.replaceAll(" ", "-")}`);
    const line = `exec '${process.execPath}' '${SLAVE}' '${mode}' "$@"`;
    writeScript(program, line);
    return this.broker.connect("local", { python: program, name, deadline });
  }

  async victim(): Promise<Context> {
    const context = await this.broker.connect("local", { name: "victim" });
    await context.ready();
    return context;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export interface Header {
  readonly src?: number;
  readonly dst?: number;
  readonly auth?: number;
  readonly handle?: number;
  readonly reply?: number;
  readonly flags?: number;
  readonly length?: number;
}

/** A frame with any header; `length` may lie. */
export function frame(
  context: Context,
  header: Header,
  body: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  const { dst = 0, src = context.id, auth = context.id, handle = 0, reply = 0 } = header;
  [dst, src, auth, handle, reply].forEach((field, i) => {
    view.setUint32(4 * i, field);
  });
  view.setUint32(20, (((header.flags ?? 0) << 24) | (header.length ?? body.length)) >>> 0);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** What a promise is rejected with; it must be. */
export async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const value = await promise.then(
    () => undefined,
    (error: Error) => error,
  );
  if (value === undefined) throw new Error("it did not fail");
  return value;
}

export async function unharmed(victim: Context): Promise<void> {
  expect(await victim.call("len", "abc")).toBe(3);
  expect(await victim.ping({ deadline: 5000 })).toBeNumber();
}

/** How many MiB this process has grown by at most while `fn` ran. */
export async function growth(fn: () => Promise<unknown>): Promise<number> {
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  let peak = before;
  const sample = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    await fn();
  } finally {
    clearInterval(timer);
  }
  sample();
  return (peak - before) / MIB;
}

/** MiB of the heap that something still refers to. */
export function retained(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed / MIB;
}
