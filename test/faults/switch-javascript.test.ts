/** The switch of JavaScript hops: the oldest Node.js and the newest, and Bun. */
import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { HOP, newNonce, RawMaster, SWITCH } from "../helpers/raw-master.ts";
import { suite } from "../helpers/skip.ts";
import { switchRows } from "./switch.ts";
import { orderRows } from "./switch-orders.ts";
import { relayRows } from "./switch-relays.ts";
import { endRows, limitRows, startRows } from "./switch-start.ts";

const HOPS = [
  { kind: "node", name: "Node.js 18", ...nodeOf("18") },
  { kind: "node", name: "Node.js 26", ...nodeOf("26") },
  { kind: "bun", name: "Bun", ...bun() },
] as const;

for (const { kind, name, path, missing } of HOPS) {
  const plan = { wants: "javascript", kind, path } as const;
  suite(`switch of ${name}`, missing, kind, () => {
    const pidOf = ["", "() => process.pid"];
    const hop = { plan, hang: [["", "() => { for (;;); }"]], pid: pidOf } as const;
    switchRows(hop);
    startRows(hop);
    endRows(hop);
    limitRows(hop);
    orderRows(plan);
    relayRows(plan);
    // Bun has copies of what it reads, in memory of its own.
    if (kind !== "bun") {
      test("an answer is overwritten in the memory of the hop", async () => {
        await using master = await new RawMaster(plan).open();
        const pid = Number(await master.call(HOP, pidOf));
        const script = "echo who; read x; echo ready; cat >/dev/null";
        const child = master.program(["sh", "-c", script], new Uint8Array(0), { hold: "ready" });
        await child.event("noise");
        const secret = `${newNonce()}\n`;
        child.order(SWITCH.WRITE, new TextEncoder().encode(secret));
        await child.event("held");
        expect(countInMemory(pid, secret)).toBe(0);
        // A text that nothing overwrites is found.
        expect(countInMemory(pid, "/proc/self/fd/")).toBeGreaterThan(0);
      });
    }
  });
}

const PIECE = 1 << 24;

/** @returns how often a text is in the memory that a process may write to */
function countInMemory(pid: number, text: string): number {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const piece = Buffer.alloc(PIECE + text.length);
  let count = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const [, from = "", to = ""] = /^(\w+)-(\w+) rw/.exec(line) ?? [];
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += PIECE) {
      const found = piece.subarray(0, readMemory(memory, piece, at, end));
      for (let i = found.indexOf(text); i >= 0; i = found.indexOf(text, i + 1)) count++;
    }
  }
  closeSync(memory);
  return count;
}

/** @returns how many bytes were read: 0 for pages that cannot be read */
function readMemory(memory: number, into: Buffer, at: number, end: number): number {
  try {
    return readSync(memory, into, 0, Math.min(into.length, end - at), at);
  } catch {
    return 0;
  }
}
