/**
 * What every table of the suite works with: an open context, the log that it writes, and a look at
 * the processes of this machine. Far sides of these tests are all on this machine, also those
 * behind sshd.
 */
import { spyOn } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { DIFFERENCES } from "../../src/embedded-ssh/notices.ts";
import {
  Broker,
  type BrokerOptions,
  type CallOptions,
  type ConnectOptions,
  type Context,
  type LogRecord,
} from "../../src/index.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import { ChildSession } from "../../src/session/session.ts";
import type { Rows } from "./extent.ts";
import type { Kind } from "./kind.ts";

export interface Session extends AsyncDisposable {
  readonly broker: Broker;
  readonly context: Context;
  /** All that was logged so far. */
  readonly logs: LogRecord[];
  /** Calls by the tables' names; by the language's own, they are `context`'s. */
  call(name: string, ...args: unknown[]): Promise<unknown>;
  callWith(options: CallOptions, name: string, ...args: unknown[]): Promise<unknown>;
}

export type Connect = (options?: BrokerOptions) => Promise<Session>;

/**
 * What a table gets: the words for its rows, one context for all of a suite's tests, and the way to
 * open another.
 */
export interface Far extends Kind, Rows {
  readonly connect: Connect;
  /** Only within tests. */
  readonly session: () => Session;
  readonly call: Session["call"];
  readonly callWith: Session["callWith"];
}

/** Connect to `target`, with the kind's fixtures as roots. */
export function opener(target: string, kind: Kind, options: () => ConnectOptions): Connect {
  return openerBy(kind, (broker) => broker.connect(target, options()));
}

/**
 * Sessions of the contexts that `open` opens, with the kind's fixtures as roots. Nothing rests on
 * the grace time, unless a row says so.
 */
export function openerBy(kind: Kind, open: (broker: Broker) => Promise<Context>): Connect {
  return async (brokerOptions = {}) => {
    const logs: LogRecord[] = [];
    const broker = new Broker({
      roots: kind.roots,
      graceMs: 15_000,
      onLog: (record) => {
        // What is said once for a run is not of the row.
        if (record.message !== DIFFERENCES) logs.push(record);
      },
      ...brokerOptions,
    });
    const context = await open(broker);
    return {
      broker,
      context,
      logs,
      call: (name, ...args) => context.call(kind.fn(name), ...args),
      callWith: (limits, name, ...args) => context.callWith(limits, kind.fn(name), ...args),
      [Symbol.asyncDispose]: () => broker.close(),
    };
  };
}

/**
 * What `work` made the far side ask the master for: module names, and the parts of longer requests
 * with `:` between them.
 */
export async function requestsOf(work: () => Promise<unknown>): Promise<string[]> {
  const answer = spyOn(ChildSession.prototype, "answerModule");
  try {
    await work();
    return answer.mock.calls.map(([message]) => {
      const request = decodeValue(message.body);
      return Array.isArray(request) ? request.join(":") : String(request);
    });
  } finally {
    answer.mockRestore();
  }
}

/** Messages of one logger, since `from` records were there. */
export function messages(session: Session, logger: string, from = 0): string[] {
  return session.logs.filter((r, i) => i >= from && r.logger === logger).map((r) => r.message);
}

/** An argument for `sleep` that no other command on this machine has. */
export function uniqueSeconds(): string {
  return `98.${String(crypto.getRandomValues(new Uint32Array(1))[0])}`;
}

/** Whether a process has `word` among its arguments. */
export function isCommandRunning(word: string): boolean {
  return readdirSync("/proc").some((pid) => commandLine(pid).split("\0").includes(word));
}

/** "" for what is gone. Words are ended by a NUL. */
export function commandLine(pid: number | string): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Whether it became so in time: a busy machine has plenty. */
export async function eventually(
  so: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (!(await so())) {
    if (performance.now() > until) return false;
    await Bun.sleep(10);
  }
  return true;
}

/** What `work` was rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => {
      throw new Error(`it did not fail: ${Bun.inspect(value)}`);
    },
    (error: unknown) => error,
  );
}
