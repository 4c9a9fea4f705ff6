/**
 * What a program prints arrives whole, in order, and before the process ends, however slow its
 * reader is.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECONTEXT } from "../cli/econtext.ts";

const COMMAND = ECONTEXT.map((word) => `'${word}'`).join(" ");
/** More than a pipe holds, even a widened one. */
const SIZE = 1_500_000;
let folder = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "econtext-output-")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `econtext ARGS` into a reader that starts late. @returns what was read, and the status */
async function slowly(args: string): Promise<{ text: string; status: string }> {
  const script = `{ ${COMMAND} ${args}; echo "=$?"; } 2>&1 | { sleep 0.3; cat; }`;
  await using child = Bun.spawn(["sh", "-c", script], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [, text = "", status = ""] = /^([\s\S]*)=(\d+)\n$/.exec(await child.stdout.text()) ?? [];
  // Runs of one letter are distinguished by their length.
  const short = text.replace(/([a-z])\1{9,}/g, (run, letter) => `${letter}*${run.length} `);
  return { text: short, status };
}

function put(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const big = (letter: string) => `${JSON.stringify(letter)}.repeat(${SIZE})`;

describe.each([
  ["run", (body: string) => `import { run } from "econtext";\nrun(async () => { ${body} });\n`],
  ["a plain program", (body: string) => `${body};\nexport {};\n`],
])("%s", (name, wrap) => {
  test.concurrent.each([
    [`process.stdout.write(${big("a")})`, `a*${SIZE} `, 0],
    [`process.stdout.write(${big("b")}); process.exit(3)`, `b*${SIZE} `, 3],
    [
      `process.stdout.write(${big("c")}); console.log("one"); process.stderr.write(${big("d")})`,
      `c*${SIZE} one\nd*${SIZE} `,
      0,
    ],
    [
      `Bun.write(Bun.stdout, ${big("e")}); console.error("two"); process.exit(4)`,
      `e*${SIZE} two\n`,
      4,
    ],
    [
      `const w = Bun.stdout.writer(); w.write(${big("f")}); console.log("end")`,
      `f*${SIZE} end\n`,
      0,
    ],
    [`Bun.write(Bun.file(2), new Blob([${big("g")}]))`, `g*${SIZE} `, 0],
    [
      `await new Promise((f) => process.stdout.end(${big("h")}, f)); console.log()`,
      `h*${SIZE} \n`,
      0,
    ],
  ])("%s", async (body, text, status) => {
    const file = put(`${name.length}-${Bun.hash(body)}.ts`, wrap(body));
    expect(await slowly(file)).toEqual({ text, status: String(status) });
  });
});

test.concurrent("an exit in the middle loses no log line that has come", async () => {
  const file = put(
    "logs.ts",
    `import { run } from "econtext";
function flood() { for (let i = 0; i < 200; i++) console.log("z".repeat(1000)); }
run(async (broker) => {
  const web = await broker.connect("local", { kind: "bun", bun: ${JSON.stringify(process.execPath)} });
  await web.call(flood);
  process.exit(5);
});
`,
  );
  const { text, status } = await slowly(file);
  expect([text.match(/z\*1000 \n/g)?.length ?? text, status]).toEqual([200, "5"]);
});

test.concurrent("repl: -e, -p and standard input", async () => {
  const print = `process.stdout.write(${big("r")})`;
  expect(await slowly(`repl -e '${print}'`)).toEqual({ text: `r*${SIZE} `, status: "0" });
  expect(await slowly(`repl -e '${print}; process.exit(6)'`)).toEqual({
    text: `r*${SIZE} `,
    status: "6",
  });
  expect(await slowly(`repl -p '${big("s")}'`)).toMatchObject({ text: `s*${SIZE} \n` });
  put("input", `${print};\nconsole.log("t")\n`);
  expect(await slowly("repl < input")).toMatchObject({ text: `r*${SIZE} t\n` });
});

test.concurrent("output that cannot be written is an error, however it is printed", async () => {
  const line = ECONTEXT.map((word) => `'${word}'`).join(" ");
  const run = (words: string) => {
    const { stderr, exitCode } = Bun.spawnSync(["sh", "-c", `${line} ${words}`], { cwd: folder });
    return [stderr.toString().split("\n")[0], exitCode] as const;
  };
  const silent = put("silent.ts", "process.exitCode = 0;");
  expect(run(`'${silent}' >&-`)).toEqual(["", 0]);
  const ways = [
    'console.log("x")',
    'process.stdout.write("x")',
    'await Bun.write(Bun.stdout, "x")',
  ];
  for (const [at, code] of ways.entries()) {
    const file = put(`prints${at}.ts`, `${code};\nexport {};`);
    expect(run(`'${file}'`)).toEqual(["", 0]);
    const [closed, closedStatus] = run(`'${file}' >&-`);
    expect(closed).toContain("standard output is closed");
    const [full, fullStatus] = run(`'${file}' >/dev/full`);
    expect(full).toContain("ENOSPC");
    expect([closedStatus, fullStatus]).toEqual([1, 1]);
  }
  expect(run(`repl -e 'console.log(1)' >/dev/full`)[1]).toBe(1);
  expect(run("-V >/dev/full")).toEqual([expect.stringContaining("ENOSPC"), 1]);
});

test.concurrent("public classes are shown by their names", async () => {
  const file = put(
    "names.ts",
    `import { Broker, Channel } from "econtext";
    console.log(new Broker(), new Channel(), new Channel().sender);`,
  );
  const { stdout } = Bun.spawnSync([...ECONTEXT, file], { cwd: folder });
  expect(stdout.toString()).toBe("Broker {} Channel {} Sender {}\n");
});

test.concurrent("a reader that is gone ends it as a filter", async () => {
  const file = put("endless.ts", 'for (;;) process.stdout.write("y\\n".repeat(1000));\n');
  const script = `{ ${COMMAND} ${file}; echo $? >&2; } | head -1`;
  await using child = Bun.spawn(["sh", "-c", script], { cwd: folder, stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([stdout, stderr]).toEqual(["y\n", "141\n"]);
});

test.concurrent("signals end it while its reader reads nothing", async () => {
  const fifo = join(folder, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const file = put("stuck.ts", `console.error("up"); process.stdout.write(${big("k")});\n`);
    await using child = Bun.spawn(["sh", "-c", `exec ${COMMAND} ${file} > fifo`], {
      cwd: folder,
      stderr: "pipe",
    });
    for await (const _ of child.stderr) break;
    // One that comes before it waits for its reader is heard, but not acted upon.
    while (child.signalCode === null) {
      child.kill("SIGTERM");
      await Promise.race([child.exited, Bun.sleep(50)]);
    }
    expect(child.signalCode).toBe("SIGTERM");
  } finally {
    closeSync(reader);
  }
});
