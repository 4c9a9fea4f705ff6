/** Copies of large files to and from a Python slave that may open only one more file. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "../../src/index.ts";
import { PYTHON } from "../cli/econtext.ts";

const home = mkdtempSync(join(tmpdir(), "econtext-few-"));
afterAll(() => rmSync(home, { recursive: true }));

test.if(process.platform === "linux")(
  "without descriptors for more, a large file is read and written",
  async () => {
    const at = (name: string): string => join(home, name);
    // Enough for the writer to have the disk write before the end.
    const data = Buffer.alloc(36_000_000, "econtext copies");
    writeFileSync(at("from"), data);
    await using broker = new Broker();
    const context = await broker.connect("local", { python: PYTHON });
    const copies = {
      there: () => context.put(at("from"), at("there")),
      here: () => context.get(at("from"), at("here")),
    };
    // The modules of a copy are there when the limit is lowered.
    await copies.there();
    await copies.here();
    const { pid } = await context.ready();
    const [, hard] = (await context.call("resource.getrlimit", 7)) as [number, number];
    // The limit counts the numbers of descriptors.
    const used = readdirSync(`/proc/${pid}/fd`).map(Number);
    let limit = 0;
    for (let free = 0; free < 1; limit++) if (!used.includes(limit)) free++;
    await context.call("resource.setrlimit", 7, [limit, hard]);
    for (const [name, copy] of Object.entries(copies)) {
      rmSync(at(name));
      expect(await copy()).toMatchObject({ files: 1 });
      expect(readFileSync(at(name)).equals(data)).toBe(true);
    }
  },
);
