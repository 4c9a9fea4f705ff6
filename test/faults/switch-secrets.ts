/**
 * What a hop keeps of an answer, whatever language it is in: nothing in its memory once the answer
 * is written, and nothing in a core file as long as a program may ask.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOP, newNonce, RawChild, RawMaster, SWITCH } from "../helpers/raw-master.ts";
import { run } from "../helpers/scratch-user.ts";
import { countInMemory } from "./memory-search.ts";
import { gone, type Hop, sh } from "./switch.ts";

/** Asks, and takes an answer without showing it. */
const ASKING = 'printf "Who? " >&2; read -r who; echo ready; cat';
const NO_BYTES = new Uint8Array(0);
/** A text that is in the memory of every hop. */
const PRESENT = "/proc/self/";

const filterOf = (pid: number | "self"): string =>
  readFileSync(`/proc/${pid}/coredump_filter`, "latin1").trim();

/** Ends a process with a core file in a folder. @returns how many core files have `PRESENT` */
async function texts(pid: number, folder: string): Promise<number> {
  expect(countInMemory(pid, PRESENT)).toBeGreaterThan(0);
  run(["prlimit", `--pid=${pid}`, "--core=unlimited"]);
  process.kill(pid, "SIGQUIT");
  await gone(pid);
  const files = readdirSync(folder).map((name) => join(folder, name));
  return files.filter((file) => readFileSync(file).includes(PRESENT)).length;
}

export interface SecretParts {
  /** A function that enters a folder, in the language of the hop. */
  readonly chdir: unknown;
  /** Waits until the switch of a context reads into memory that it can overwrite. */
  readonly settled?: (master: RawMaster, id: number) => Promise<void>;
}

export function secretRows(hop: Hop, { chdir, settled }: SecretParts): void {
  const open = () => new RawMaster(hop.plan).open();
  const pidOf = async (master: RawMaster, id = HOP) => Number(await master.call(id, hop.pid));

  // Bun has copies of what it reads, in memory of its own.
  if (hop.plan.kind !== "bun") {
    test("an answer is overwritten in the hop that writes it", async () => {
      await using master = await open();
      const pid = await pidOf(master);
      const child = master.program(sh(ASKING), NO_BYTES, { hold: "ready" });
      await child.event("stderr");
      await settled?.(master, HOP);
      const text = newNonce();
      child.order(SWITCH.WRITE, Buffer.from(`${text}\n`));
      await child.event("held");
      await master.ping(HOP);
      expect(countInMemory(pid, text)).toBe(0);
      // A text that nothing overwrites is found.
      expect(countInMemory(pid, PRESENT)).toBeGreaterThan(0);
    });

    test("an answer is overwritten in the hop that passes it on", async () => {
      await using master = await open();
      const second = await master.child(hop.plan).opened();
      master.install(second.id, hop.plan);
      const events = master.mailbox();
      const id = master.newContext(hop.plan);
      const start = [id, sh(ASKING), NO_BYTES, newNonce(), { hold: "ready" }];
      master.order(SWITCH.START, start, events.handle, second.id);
      const child = new RawChild(master, id, "", events, events);
      await child.event("stderr");
      for (const one of [HOP, second.id]) await settled?.(master, one);
      const [text, padding] = [newNonce(), "x".repeat(300)];
      // Orders come with others, before and behind.
      master.order(SWITCH.KEEP, ["a", Buffer.from(padding)], 0, second.id);
      master.order(SWITCH.WRITE, [id, Buffer.from(`${text}\n`)], 0, second.id);
      master.order(SWITCH.KEEP, ["b", Buffer.from(padding)], 0, second.id);
      await child.event("held");
      await master.ping(second.id);
      for (const one of [HOP, second.id]) {
        expect([one, countInMemory(await pidOf(master, one), text)]).toEqual([one, 0]);
      }
    });
  }

  test("the memory of a hop is in no core file while a program may ask", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-core-"));
    const usual = filterOf("self");
    await using master = await open();
    await master.call(HOP, chdir, folder);
    const pid = await pidOf(master);
    const asks = (more = "") =>
      master.program(sh(`cat /proc/self/coredump_filter >&2; ${more}${ASKING}`), NO_BYTES, {
        hold: "ready",
      });
    const answered = asks();
    await answered.event("stderr", () => answered.text("stderr").includes("Who?"));
    expect(filterOf(pid)).toBe("00000000");
    // What the hop starts has the usual one.
    expect(answered.text("stderr")).toBe(`${usual}\nWho? `);
    answered.order(SWITCH.WRITE, Buffer.from("me\n"));
    await answered.event("held");
    expect(filterOf(pid)).toBe(usual);

    const ended = asks("exit; ");
    await ended.event("ended");
    expect(filterOf(pid)).toBe(usual);

    await asks().event("stderr");
    expect(await texts(pid, folder)).toBe(0);
    rmSync(folder, { recursive: true });
  });
}
