/**
 * What a hop's own functions and a context behind it send one another stays on that machine: the
 * hop's switch hands it on, as it does for two contexts behind it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type ConnectOptions, type Context } from "../../src/index.ts";
import { nodeOf } from "../helpers/javascripts.ts";
import { pythonOf } from "../helpers/pythons.ts";
import { pattern } from "../helpers/random.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";

const FIXTURES = join(import.meta.dir, "../fixtures/tree");
const MODULE = { python: "streaming.", javascript: `${join(FIXTURES, "streaming.mjs")}:` };
/** Far more than all windows and pipes on the way hold. */
const [COUNT, SIZE] = [384, 65_536];
const BLOCKED_MS = 30_000;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-near-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A context, and how its functions are named. */
interface End {
  readonly context: Context;
  call(name: string, ...args: unknown[]): Promise<unknown>;
}

async function opened(open: Promise<Context>, language: keyof typeof MODULE): Promise<End> {
  const context = await open;
  return { context, call: (name, ...args) => context.call(MODULE[language] + name, ...args) };
}

/** Waits without giving this process's own work a chance. */
function block(until: () => boolean): void {
  const end = performance.now() + BLOCKED_MS;
  while (!until() && performance.now() < end) Bun.sleepSync(5);
}

const [python2, node18] = [pythonOf("2.7"), nodeOf("18")];
const HOPS: readonly (readonly [
  string,
  ConnectOptions,
  keyof typeof MODULE,
  string | undefined,
])[] = [
  ["Python 2.7", { python: python2.python?.path ?? "" }, "python", python2.missing],
  ["Python 3", { kind: "python" }, "python", undefined],
  ["Node.js 18", { node: node18.path }, "javascript", node18.missing],
  ["Bun", { bun: process.execPath }, "javascript", undefined],
];

for (const [name, options, language, missing] of HOPS) {
  suite(`${name} and a context behind it`, missing, name, () => {
    for (const way of ["to", "from"] as const) {
      /** The ends of a stream, and the broker. */
      const scene = async () => {
        const broker = new Broker({ roots: [FIXTURES], graceMs: 300 });
        const hop = await opened(broker.connect("local", { ...options, name: "hop" }), language);
        const behind = hop.context.connect("local", { kind: "python", name: "behind" });
        const child = await opened(behind, "python");
        await child.context.ready();
        const [from, to] = way === "to" ? [child, hop] : [hop, child];
        const sender = await to.call("receiver");
        return { broker, hop, child, from, to, sender };
      };

      test(`a stream ${way} the hop needs nothing of this process`, async () => {
        const { broker, from, to, sender } = await scene();
        await using _ = broker;
        const at = mkdtempSync(join(folder, "stream-"));
        const work = [to.call("receive", at), from.call("send", sender, COUNT, SIZE)];
        while (!existsSync(join(at, "begun"))) await Bun.sleep(0);
        block(() => existsSync(join(at, "ended")));
        expect(readFileSync(join(at, "ended"), "utf8")).toBe(String(COUNT * SIZE));
        await Promise.all(work);
      });

      test(`a receiver that closes tells the sender, ${way} the hop`, async () => {
        const { broker, from, to, sender } = await scene();
        await using _ = broker;
        const [sent, received] = await Promise.all([
          from.call("send_until_closed", sender),
          to.call("receive_one"),
        ]);
        expect([sent, received]).toEqual([expect.stringMatching(/Closed|ChannelError/), 1000]);
      });

      test(`the end of the context behind is told, ${way} the hop`, async () => {
        const { broker, hop, child, from, to, sender } = await scene();
        await using _ = broker;
        const at = mkdtempSync(join(folder, "end-"));
        const pid = await child.context.call("os.getpid");
        const work = [to.call("receive", at), from.call("send_until_closed", sender)];
        const results = Promise.allSettled(work);
        while (!existsSync(join(at, "begun"))) await Bun.sleep(0);
        process.kill(pid as number, "SIGKILL");
        const [received, sent] = await results;
        const [near, far] = way === "to" ? [received, sent] : [sent, received];
        expect(far).toMatchObject({ status: "rejected", reason: { code: "ERR_DISCONNECT_LOST" } });
        // A receiver is told why nothing more comes; a sender, that its receiver is gone.
        if (way === "to")
          expect(near).toMatchObject({ reason: { remoteMessage: expect.stringContaining(GONE) } });
        else
          expect(near).toMatchObject({ value: expect.stringMatching(/RemoteError|ChannelError/) });
        expect(await hop.context.ping({ deadline: SOON_MS })).toBeNumber();
      });

      test(`senders and large values arrive as they are, ${way} the hop`, async () => {
        const { broker, from, to, sender } = await scene();
        await using _ = broker;
        // A sender has another name in each context: this value goes by way of this process.
        const back = await from.call("receiver");
        const passed = from.call("send_sender", sender, back, 2_000_000);
        const answered = to.call("answer_sender");
        expect(await from.call("receive_one")).toBe(2_000_000);
        await Promise.all([passed, answered]);
        // Parts of large calls to both come to the hop by turns.
        const data = Buffer.alloc(5 << 20, pattern(999));
        const calls = [from, to, from, to].map((end) => end.call("echo", data));
        for (const echoed of await Promise.all(calls)) {
          expect(data.equals(echoed as Uint8Array)).toBe(true);
        }
      });
    }
  });
}

const GONE = "the far side ended";
