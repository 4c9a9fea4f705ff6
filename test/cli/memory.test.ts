/**
 * How much memory anything takes while much goes through it: the program, the context's process,
 * and what these start.
 */
import { describe, expect, test } from "bun:test";
import { ECONTEXT, PYTHON } from "./econtext.ts";

const BYTES = 300 << 20;
/** What the program may take while it streams; a slave stays below that, too. */
const MAX_MIB = 128;

/** Runs its arguments; the most that one of all their processes ever had resident, in KiB. */
const PEAK = `import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)`;

async function peakOf(line: string, ...args: readonly string[]): Promise<number> {
  const argv = [PYTHON, "-c", PEAK, "sh", "-c", line, "sh", ...ECONTEXT, "exec", ...args];
  await using child = Bun.spawn(argv, { stdout: "pipe" });
  const kibibytes = Number(await child.stdout.text());
  expect(await child.exited).toBe(0);
  return kibibytes / 1024;
}

// From source it is Bun's own memory, and its compiler's.
const isBuilt = ECONTEXT.length === 1;

describe.if(process.platform === "linux" && isBuilt)("memory while much goes through", () => {
  for (const [kind, ...options] of [
    ["python", "--python", PYTHON],
    ["bun", "--bun", process.execPath],
  ] as const) {
    const head = ["head", "-c", String(BYTES), "/dev/urandom"];

    test(`${kind}, out`, async () => {
      const peak = await peakOf('"$@" | cat > /dev/null', ...options, "local", "--", ...head);
      expect(peak).toBeLessThan(MAX_MIB);
    });

    test(`${kind}, in`, async () => {
      const command = ["sh", "-c", "cat > /dev/null"];
      const peak = await peakOf(`${head.join(" ")} | "$@"`, ...options, "local", "--", ...command);
      expect(peak).toBeLessThan(MAX_MIB);
    });
  }
});
