/** The check for exported names without a user. */
import { expect, test } from "bun:test";
import { moduleOf, unused } from "../../scripts/exports.ts";

const OWNER = `
export const used = 1;
export function tested() {}
export class Forgotten {}
export interface Part { x: number }
export type Alone = string;
export async function dynamic(part: Part) {}
export const passedOn = 2;
`;

test("names that no file imports are found, and those that only tests import are told apart", () => {
  const modules = [
    moduleOf("src/a/owner.ts", OWNER),
    moduleOf("src/b.ts", 'import { type Other, used as mine } from "./a/owner.ts";\n'),
    moduleOf("src/c.ts", 'const { dynamic } = await import("./a/owner.ts");\n'),
    moduleOf("src/index.ts", 'export { passedOn } from "./a/owner.ts";\nexport const free = 1;\n'),
    // The same word elsewhere is no use of it.
    moduleOf("src/d.ts", 'import { used } from "./b.ts";\nclass Forgotten {}\n'),
    moduleOf("test/a.test.ts", 'import {\n  tested,\n} from "../src/a/owner.ts";\n'),
  ];
  expect(unused(modules)).toEqual({
    byAll: ["src/a/owner.ts: Forgotten", "src/a/owner.ts: Alone"],
    byCode: ["src/a/owner.ts: tested"],
  });
});
