/** Which machines a Bun is not lent to, row by row: the code, and what the message says. */
import { expect, test } from "bun:test";
import { FitErrors, type Machine, type Trial } from "../../src/lend/fit.ts";

const runtime = {
  path: "/bun",
  bytes: 100_000_000,
  system: "Linux",
  machine: "x86_64",
  loader: "/lib64/ld-linux-x86-64.so.2",
};
const fit: Machine = {
  system: "Linux",
  machine: "x86_64",
  loader: true,
  free: 1e9,
  proc: true,
  refused: null,
};
const errors = new FitErrors("web1");

test("a machine that is fit, and one whose memory is unknown", () => {
  expect(errors.ofMachine(runtime, fit)).toBeUndefined();
  expect(errors.ofMachine(runtime, { ...fit, free: null })).toBeUndefined();
  expect(errors.ofTrial(runtime, fit, [null, 0, "1.4.5\n"])).toBeUndefined();
});

const MACHINES: readonly (readonly [change: Partial<Machine>, code: string, says: string])[] = [
  [
    { machine: "aarch64" },
    "ERR_LEND_PLATFORM",
    "for Linux x86_64, and does not run on its Linux aarch64",
  ],
  [{ system: "FreeBSD" }, "ERR_LEND_PLATFORM", "its FreeBSD x86_64"],
  [{ loader: false }, "ERR_LEND_PLATFORM", "it has no /lib64/ld-linux-x86-64.so.2"],
  [{ proc: false }, "ERR_LEND_REFUSED", "/proc, which is not mounted"],
  [{ refused: "Permission denied" }, "ERR_LEND_REFUSED", "Permission denied"],
  [{ free: 50e6 }, "ERR_LEND_MEMORY", "it has 50.0 MB of memory left; 148 MB are needed"],
];

for (const [change, code, says] of MACHINES) {
  test(`refused: ${JSON.stringify(change)}`, () => {
    const error = errors.ofMachine(runtime, { ...fit, ...change });
    expect(error?.code).toBe(code);
    expect(error?.message).toStartWith("web1: ");
    expect(error?.message).toContain(says);
  });
}

const TRIALS: readonly (readonly [trial: Trial, code: string, says: string])[] = [
  [[2, null, ""], "ERR_LEND_PLATFORM", "Linux x86_64"],
  [[8, null, ""], "ERR_LEND_PLATFORM", "Linux x86_64"],
  [[13, null, ""], "ERR_LEND_REFUSED", "vm.memfd_noexec"],
  [[null, -4, ""], "ERR_LEND_PLATFORM", "lacks instructions"],
  [[null, 1, "version `GLIBC_2.29' not found"], "ERR_LEND_PLATFORM", "GLIBC_2.29"],
  [[null, 3, "a \u001b[31mred\u001b[0m word"], "ERR_LEND_FAILED", "status 3"],
];

for (const [trial, code, says] of TRIALS) {
  test(`tried in vain: ${JSON.stringify(trial)}`, () => {
    const error = errors.ofTrial(runtime, fit, trial);
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(says);
    expect(error?.message).not.toContain("\u001b");
  });
}

test("no room while it is written", () => {
  expect(errors.ofWriting(28).code).toBe("ERR_LEND_MEMORY");
  expect(errors.ofWriting(5).code).toBe("ERR_LEND_FAILED");
});
