/** Keepalive: pings while something is heard, and gives up when nothing was for a whole lease. */
import { expect, test } from "bun:test";
import type { EcontextError } from "../../src/errors.ts";
import type { Hop } from "../../src/launch/hop.ts";
import { Router } from "../../src/mux/router.ts";
import type { Envelope } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { Keepalive, leaseOf } from "../../src/session/keepalive.ts";
import { local } from "../../src/transports/local.ts";

const LEASE_MS = 30;

/** A slave that was heard at that time, and a keepalive for it. */
function watch(heardAt: () => number, onPing: (count: number) => void = () => {}, via?: Hop) {
  const router = new Router(() => {});
  const id = router.allocateId();
  const sent: Envelope[] = [];
  const lost = Promise.withResolvers<EcontextError>();
  const link = {
    get heardAt() {
      return heardAt();
    },
    send: (envelope: Envelope) => {
      onPing(sent.push(envelope));
      return () => "sent" as const;
    },
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
  };
  router.addRoute(id, { link, parent: 0, close: () => {} });
  const settings = { id, name: "web1", leaseMs: LEASE_MS, via, router, close: lost.resolve };
  const language = "python";
  return { keepalive: new Keepalive({ ...settings, language }), sent, lost: lost.promise };
}

test("a slave that is heard is pinged again and again", async () => {
  const pinged = Promise.withResolvers<void>();
  const { keepalive, sent } = watch(
    () => performance.now(),
    (count) => (count === 5 ? pinged.resolve() : undefined),
  );
  await pinged.promise;
  keepalive.stop();
  keepalive.stop();
  expect(sent.map(({ handle }) => handle)).toEqual(Array(5).fill(HANDLES.PING));
  // Each waits for an answer of its own.
  expect(new Set(sent.map(({ reply }) => reply)).size).toBe(5);
});

test("a slave that was not heard for a lease counts as lost, and is not pinged", async () => {
  const then = performance.now() - LEASE_MS - 1;
  const { sent, lost } = watch(() => then);
  expect(await lost).toMatchObject({
    code: "ERR_DISCONNECT_SILENT",
    message: expect.stringContaining(`web1: nothing was heard for ${String(LEASE_MS)} ms\n  try: `),
  });
  await Bun.sleep(LEASE_MS);
  expect(sent).toEqual([]);
});

test("a hop that is silent too is the cause, the first one on the way", async () => {
  const severed: string[] = [];
  const hopOf = (name: string, isHeard: boolean, way: readonly Hop[] = []) =>
    ({
      name,
      way,
      isHeard: () => isHeard,
      sever: (reason: EcontextError) => severed.push(reason.message),
    }) as unknown as Hop;
  for (const [bastion, web, expected] of [
    [true, false, "bastion/web1"],
    [false, false, "bastion"],
    [true, true, undefined],
  ] as const) {
    const via = hopOf("bastion/web1", web, [hopOf("bastion", bastion)]);
    const { lost } = watch(() => performance.now() - LEASE_MS - 1, undefined, via);
    const own = await Promise.race([lost, Bun.sleep(LEASE_MS)]);
    const named = severed.pop() ?? own?.message;
    expect(named).toStartWith(`${expected ?? "web1"}: nothing was heard for ${LEASE_MS} ms\n`);
  }
});

test("only a remote slave has a lease", () => {
  expect(leaseOf({ transport: local, leaseMs: 45_000 })).toBe(0);
  expect(leaseOf({ transport: { ...local, hasNetwork: true }, leaseMs: 45_000 })).toBe(45_000);
});
