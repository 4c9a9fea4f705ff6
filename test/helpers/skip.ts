/**
 * A suite that needs something that a machine may lack. Where it does, the suite is skipped with
 * its reason, which `npm test` repeats at its end; where ECONTEXT_REQUIRE (`sshd,shells,python`)
 * names what it needs, it fails instead.
 */
import { describe, test } from "bun:test";
import { appendFileSync } from "node:fs";

/** @param missing is why the suite cannot run here, undefined when it can. */
export function suite(
  name: string,
  missing: string | undefined,
  requireKey: string,
  fn: () => void,
): void {
  if (missing === undefined) {
    describe(name, fn);
    return;
  }
  if (isRequired(requireKey)) {
    test(`${name} (required: ${requireKey})`, () => {
      throw new Error(missing);
    });
    return;
  }
  describe.skip(`${name} (${missing})`, fn);
  const file = process.env["ECONTEXT_SKIPS"];
  if (file !== undefined) appendFileSync(file, `${name}: ${missing}\n`);
}

export function isRequired(key: string): boolean {
  const keys = process.env["ECONTEXT_REQUIRE"]?.split(",") ?? [];
  return keys.some((one) => one.trim() === key);
}
