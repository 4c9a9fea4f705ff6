/**
 * The loop of a driver in TypeScript: one JSON request a line on stdin, one JSON answer a line on
 * stdout, until stdin ends.
 *
 * Owns the line protocol (told in ../driver.ts, whose child this is). Knows nothing of any peer.
 * Twin: loop.py.
 */
import { createInterface } from "node:readline";
import type { Answer, Operation, Request } from "../driver.ts";

export const python = process.env.BENCH_PYTHON ?? "/usr/bin/python3";
/** Paths of what runs on the far side. */
export const runtimes = {
  python,
  bun: process.env.BENCH_BUN ?? process.execPath,
  node: process.env.BENCH_NODE ?? "node",
} as const;
export const firstHost = "bench1";

export const hosts = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => `bench${String(i + 1)}`);

export type Operations = {
  readonly [K in Operation]?: (request: Request) => Promise<Record<string, unknown>>;
};

export async function serve(version: string, operations: Operations): Promise<void> {
  const say = (answer: Answer): void => {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  };
  say({ version });
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    try {
      const operation = operations[request.op];
      if (operation === undefined) throw new Error(`no operation ${request.op}`);
      say({ ok: await operation(request) });
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
      say({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  }
}
