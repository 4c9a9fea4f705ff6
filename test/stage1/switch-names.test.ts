/** The switch of a Python hop runs in the namespace of the core: their names must differ. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { pythonCore, switchTexts } from "../../scripts/stage1.ts";
import { pythons } from "../helpers/pythons.ts";

const STAGE1 = join(import.meta.dir, "../../stage1");
const SCRIPT = join(import.meta.dir, "top_level_names.py");

function names(source: string): string[] {
  const python = pythons().at(-1)?.path ?? "python3";
  const child = Bun.spawnSync([python, SCRIPT], { stdin: Buffer.from(source) });
  return child.stdout.toString().split("\n").filter(Boolean);
}

test("the switch replaces what it means to replace, and nothing else", () => {
  const core = new Set(names(pythonCore()));
  expect(core.has("watch")).toBe(true);
  const shared = names(switchTexts(STAGE1, "python").join("\n\n")).filter((name) => core.has(name));
  expect(shared).toEqual(["forward", "pump", "queued", "buf"].sort());
});
