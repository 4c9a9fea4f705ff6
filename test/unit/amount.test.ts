import { expect, test } from "bun:test";
import { amount } from "../../src/units/amount.ts";

test("an amount has a unit that fits, and at most three digits where one does", () => {
  const cases: Readonly<Record<number, string>> = {
    0: "0 B",
    999: "999 B",
    999.6: "1.0 kB",
    1000: "1.0 kB",
    99949: "99.9 kB",
    99960: "100 kB",
    999499: "999 kB",
    999600: "1.0 MB",
    1234567: "1.2 MB",
    345000000000: "345 GB",
    5e15: "5000 TB",
  };
  for (const [bytes, text] of Object.entries(cases)) expect(amount(Number(bytes))).toBe(text);
});
