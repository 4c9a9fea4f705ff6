/** How a switch starts a program, whatever language the hop is. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOP, RawMaster } from "../helpers/raw-master.ts";
import { type Hop, sh } from "./switch.ts";

const SOFT_LIMIT = 64;
/** Each takes three descriptors of the hop. */
const MANY = SOFT_LIMIT / 2;

export function startRows(hop: Hop): void {
  for (const deaf of [false, true]) {
    test(`${deaf ? "a deaf" : "any other"} program is started as it should be`, async () => {
      await using master = await new RawMaster(hop.plan).open();
      const pid = Number(await master.call(HOP, hop.pid));
      const script = "ls /proc/self/fd; echo; cat /proc/self/stat; grep SigIgn /proc/self/status";
      const child = master.program(sh(script), new Uint8Array(0), deaf ? { deaf } : {});
      expect(await child.event("ended")).toEqual(["ended", 0, null]);
      const [descriptors = "", about = "", ignored = ""] = child
        .text("noise")
        .split(/\n\n|\n(?=S)/);
      // The last one is that of the listing.
      expect(descriptors.split("\n")).toEqual(["0", "1", "2", "3"]);
      const [, group, session] = statOf(about);
      if (deaf) expect(group).toBe(statOf(readFileSync(`/proc/${pid}/stat`, "utf8"))[1]);
      else expect(group).toBe(session);
      const mask = Number.parseInt(ignored.slice(-17), 16);
      // SIGINT, SIGQUIT and SIGTSTP.
      expect([2, 3, 20].map((signal) => (mask >>> (signal - 1)) & 1)).toEqual(
        deaf ? [1, 1, 1] : [0, 0, 0],
      );
    });
  }
}

/** What comes before the second program of the switch. */
export function earlyRows(hop: Hop): void {
  test("nothing is lost of a program that ends before the switch is whole", async () => {
    const folder = mkdtempSync(join(tmpdir(), "econtext-early-"));
    try {
      await using master = await new RawMaster(hop.plan).open(0, 1);
      const file = join(folder, "pid");
      const script = `printf out; printf error >&2; echo $$ >${file}; exit 3`;
      // It reads nothing of its preamble.
      const child = master.program(sh(script), new Uint8Array(100));
      const missing = master.program(["/no/such/program"], new Uint8Array(0));
      while (!hasEnded(file)) await Bun.sleep(10);
      // The hop has heard of it.
      await master.call(HOP, hop.pid);
      master.install(HOP, hop.plan, 1);
      expect(await child.event("ended")).toEqual(["ended", 3, null]);
      expect([child.text("noise"), child.text("stderr")]).toEqual(["out", "error"]);
      const [, problem] = await missing.event("failed");
      expect(problem).toBe("ENOENT: no such file or directory: /no/such/program");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** @param file holds the id of a process; it may not exist yet */
function hasEnded(file: string): boolean {
  let pid = "";
  try {
    pid = readFileSync(file, "utf8").trim();
    return pid !== "" && readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return pid !== "";
  }
}

/** How a child ends whose process leaves others behind. */
export function endRows(hop: Hop): void {
  for (const stream of ["output", "error output"]) {
    test(`a process that goes on printing to its ${stream} does not hold up the end`, async () => {
      await using master = await new RawMaster(hop.plan).open();
      const script = `yes ${stream === "output" ? "" : ">&2"} & exit 3`;
      const child = master.program(sh(script), new Uint8Array(0));
      expect(await child.event("ended")).toEqual(["ended", 3, null]);
      expect(child.told.at(stream === "output" ? -2 : -1)?.[0]).toBe(
        stream === "output" ? "closed" : "ended",
      );
    });
  }
}

/** The limit of open files. */
export function limitRows(hop: Hop): void {
  test("a hop raises its limit of open files, and its children have the account's", async () => {
    const limits = `ulimit -Sn ${String(SOFT_LIMIT)}`;
    await using master = await new RawMaster(hop.plan, process.env, limits).open();
    const script = "ulimit -Sn; echo; exec cat";
    for (let i = 0; i < MANY; i++) {
      const child = master.program(
        sh(script),
        new Uint8Array(0),
        i % 2 === 1 ? { deaf: true } : {},
      );
      await child.event("noise");
      expect(child.text("noise")).toStartWith(`${String(SOFT_LIMIT)}\n`);
    }
  });
}

/** @returns parent, process group and session, of what is in /proc/PID/stat */
function statOf(text: string): readonly string[] {
  return text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .slice(1, 4);
}
