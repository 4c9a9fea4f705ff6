/** The same work on several targets: contexts of this machine, and of no machine at all. */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FleetEvent } from "../../src/fleet/result.ts";
import { mayPass, pauseAfter } from "../../src/fleet/retry.ts";
import {
  BootstrapError,
  Broker,
  CancelledError,
  type Context,
  ShellError,
  SkippedError,
  TimeoutError,
} from "../../src/index.ts";

const BUN = { bun: process.execPath } as const;
const TWO = ["local", "local"];
/** The program that stands in for ssh. */
const sshOf = (program: string) => ({ ssh: { program } });

test("results come when the work ends: a slow target holds no other up", async () => {
  await using broker = new Broker();
  const first = Promise.withResolvers<void>();
  const contexts: Context[] = [];
  const fleet = broker.fleet(TWO, BUN);
  const seen: unknown[] = [];
  const run = fleet.run(async (context, { index }) => {
    contexts.push(context);
    if (index === 0) await first.promise;
    return index + 1;
  });
  for await (const result of run) {
    expect(result).toMatchObject({ target: "local", ok: true, attempts: 1 });
    seen.push(result.ok && result.value);
    first.resolve();
  }
  expect(seen).toEqual([2, 1]);
  for (const context of contexts) await expect(context.ping()).rejects.toThrow("closed");
});

test("an error is the result of its target alone, and a list has the order of the targets", async () => {
  await using broker = new Broker();
  const targets = ["web 1", "local", "local"];
  const [bad, failed, done] = await broker.fleet(targets, BUN).run((_, { index }) => {
    if (index === 1) throw new Error("failed");
    return "done";
  });
  expect(bad).toMatchObject({ ok: false, target: "web 1", error: { code: "ERR_USAGE_TARGET" } });
  expect(failed).toMatchObject({ ok: false, error: new Error("failed") });
  expect(done).toMatchObject({ ok: true, value: "done" });
  expect(await broker.fleet([]).run(() => 1)).toEqual([]);
  expect(broker.fleet("web[01-03]!web02").targets).toEqual(["web01", "web03"]);
  expect(() => broker.fleet("web[")).toThrow("web[");
});

test("calls and commands give values, output and failures", async () => {
  await using broker = new Broker();
  const fleet = broker.fleet(TWO);
  const sums = await fleet.call("operator.add", 1, 2);
  expect(sums.map((result) => result.ok && result.value)).toEqual([3, 3]);
  const folder = mkdtempSync(join(tmpdir(), "econtext-fleet-"));
  // A generator's values.
  const [walked] = await fleet.call("os.walk", folder);
  rmSync(folder, { recursive: true });
  expect(walked?.ok && walked.value).toEqual([[folder, [], []]]);
  const [said] = await fleet.exec(["cat"], { stdin: "hello" });
  expect(said).toMatchObject({ ok: true, value: { stdout: "hello", stderr: "", exitCode: 0 } });
  const [failed] = await fleet.exec(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  if (failed === undefined || failed.ok) throw new Error("it must fail");
  expect(failed.error).toBeInstanceOf(ShellError);
  expect(failed.error).toMatchObject({ exitCode: 7, stdout: "out\n", stderr: "err\n" });
  const [absent] = await fleet.exec(["/nowhere/command"]);
  expect(absent).toMatchObject({
    ok: false,
    error: {
      message: "local: /nowhere/command: status 127: No such file or directory",
      exitCode: 127,
      stderr: "No such file or directory",
    },
  });
  const [thrown] = await fleet.call("os.listdir", "/nowhere");
  if (thrown === undefined || thrown.ok) throw new Error("it must fail");
  expect((thrown.error as Error).stack).toContain(import.meta.path);
});

test("events tell the stages of each target, and times how long they took", async () => {
  await using broker = new Broker();
  const events: FleetEvent["type"][] = [];
  const onEvent = ({ type }: FleetEvent) => events.push(type);
  const [result] = await broker.fleet(["local"], { onEvent }).exec(["true"]);
  expect(events).toEqual(["connecting", "running", "done"]);
  const {
    startedAt,
    connectMs = -1,
    workMs = -1,
    totalMs,
  } = result?.times ?? {
    startedAt: 0,
    totalMs: -1,
  };
  expect(Date.now() - startedAt).toBeLessThan(600_000);
  expect(connectMs).toBeGreaterThan(0);
  expect(workMs).toBeGreaterThanOrEqual(0);
  expect(totalMs).toBeGreaterThanOrEqual(connectMs + workMs - 1);
});

test("the deadline of the work counts from the answer, and cancels the work", async () => {
  await using broker = new Broker();
  const fleet = broker.fleet(["local"], { deadline: 50, connectDeadline: 60_000 });
  const [late] = await fleet.exec(["sleep", "600"]);
  if (late === undefined || late.ok) throw new Error("it must fail");
  expect(late.error).toBeInstanceOf(TimeoutError);
  expect(late.error).toMatchObject({
    code: "ERR_DEADLINE_CALL",
    message: expect.stringMatching(/^local: no result within 50 ms; it is cancelled\n {2}try: /),
  });
  expect(late.times.connectMs).toBeGreaterThan(0);
});

test("a signal cancels what runs, and skips the rest", async () => {
  await using broker = new Broker();
  const controller = new AbortController();
  const onEvent = ({ type }: FleetEvent) => type === "running" && controller.abort();
  const { signal } = controller;
  const run = broker.fleet(TWO, { window: 1, signal, onEvent }).exec(["sleep", "600"]);
  const [cancelled, skipped] = await run;
  expect(cancelled).toMatchObject({ ok: false, attempts: 1 });
  expect(cancelled).toHaveProperty("error.message", "local: cancelled: the run was stopped");
  expect(cancelled?.ok === false && cancelled.error).toBeInstanceOf(CancelledError);
  expect(skipped).toMatchObject({ ok: false, attempts: 0, error: { code: "ERR_SKIPPED" } });
  expect(skipped?.ok === false && skipped.error).toBeInstanceOf(SkippedError);
});

test("connecting is tried again while the failure may pass", async () => {
  const folder = mkdtempSync(join(tmpdir(), "econtext-fleet-"));
  // A busy sshd closes the first two connections; then the command runs on this machine.
  const program = join(folder, "ssh");
  const lines = [
    "#!/bin/sh",
    `echo x >> ${folder}/tries`,
    `if [ $(wc -l < ${folder}/tries) -lt 3 ]; then`,
    '  echo "kex_exchange_identification: Connection closed by remote host" >&2; exit 255',
    "fi",
    'for word; do last=$word; done; exec sh -c "$last"',
  ];
  writeFileSync(program, lines.join("\n"));
  chmodSync(program, 0o755);
  try {
    await using broker = new Broker();
    const events: string[] = [];
    const onEvent = ({ type }: FleetEvent) => events.push(type);
    const fleet = broker.fleet(["web1"], { ...sshOf(program), onEvent });
    const [refused] = await fleet.exec(["echo", "hi"]);
    expect(refused).toMatchObject({ ok: false, attempts: 1 });
    expect(refused).toHaveProperty("error.code", "ERR_TRANSPORT_FAILED");
    const [done] = await fleet.with({ retries: 2 }).exec(["echo", "hi"]);
    expect(done).toMatchObject({ ok: true, attempts: 2, value: { stdout: "hi\n" } });
    const stages = ["connecting", "failed", "connecting", "retrying", "running", "done"];
    expect(events).toEqual(stages);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("only failures that may pass are worth another try", () => {
  const report = { argv: [], phase: "", said: "" };
  const error = (code: string, said = "") => new BootstrapError(code, "", { ...report, said });
  expect(mayPass(error("ERR_TRANSPORT_UNREACHABLE"))).toBe(true);
  expect(mayPass(new TimeoutError("ERR_DEADLINE_CONNECT", ""))).toBe(true);
  expect(mayPass(error("ERR_TRANSPORT_HOST_KEY_CHANGED"))).toBe(false);
  expect(mayPass(error("ERR_TRANSPORT_PERMISSION_DENIED", "Connection closed"))).toBe(false);
  expect(mayPass(error("ERR_TRANSPORT_PASSWORD_WRONG"))).toBe(false);
  expect(mayPass(error("ERR_TRANSPORT_FAILED", "Bad configuration option"))).toBe(false);
  expect(mayPass(error("ERR_TRANSPORT_FAILED", "Connection reset by peer"))).toBe(true);
  const told = (reason: string) => `Received disconnect from 10.0.0.1 port 22:${reason}\n`;
  expect(mayPass(error("ERR_TRANSPORT_FAILED", told("11: ")))).toBe(true);
  expect(mayPass(error("ERR_TRANSPORT_FAILED", told("2: Too many attempts")))).toBe(false);
  const lost = "Connection to 10.0.0.1 closed by remote host.";
  expect(mayPass(error("ERR_TRANSPORT_FAILED", lost))).toBe(true);
  expect(mayPass(error("ERR_TRANSPORT_UNKNOWN_HOST", "Name or service not known"))).toBe(false);
  expect(mayPass(new Error("the work's own"))).toBe(false);
  const pauses = [1, 2, 3, 9].map((attempt) => pauseAfter(attempt, 1));
  expect(pauses).toEqual([250, 500, 1_000, 10_000]);
  expect(pauseAfter(1, 0)).toBe(125);
});
