/**
 * The first stages of JavaScript under abuse, as first-stage.test.ts has it for Python: the one for
 * a named interpreter, the one that finds Bun or Node.js, and the one that takes what there is.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type ConnectOptions } from "../../src/index.ts";
import { JS_CORE } from "../../src/interpreters/embedded.ts";
import type { Plan } from "../../src/interpreters/plan.ts";
import { HEADER_BYTES } from "../../src/protocol/frame.ts";
import { failure } from "../faults/puppet.ts";
import { Scene } from "../faults/scene.ts";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { pythons } from "../helpers/pythons.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";
import {
  CUT_SHORT,
  DESCRIPTORS,
  GONE_MS,
  hasStarted,
  preambleOf,
  start,
  writeByteByByte,
} from "./stage.ts";

const newest = pythons().at(-1)?.path ?? "python3";

let dir = "";
let scene: Scene;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-stage-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  scene = new Scene();
});

const preamble = (plan: Plan): Uint8Array => preambleOf(plan, scene.argv0);
const script = (name: string, lines: string, folder = dir): string =>
  writeScript(join(folder, name), lines);

/** A PATH with `sh`, what the shell's guard runs, and these programs. */
function pathOf(programs: Record<string, string>): string {
  const bin = mkdtempSync(join(dir, "bin-"));
  for (const name of ["sh", "sleep"]) symlinkSync(`/bin/${name}`, join(bin, name));
  for (const [name, lines] of Object.entries(programs)) script(name, lines, bin);
  return bin;
}

async function works(options: ConnectOptions, target = "local"): Promise<void> {
  await using broker = new Broker();
  const context = await broker.connect(target, { ...options, argv0: scene.argv0 });
  const text = "\u00e9".repeat(100_000);
  expect(await context.call("structuredClone", text)).toBe(text);
  const bytes = new Uint8Array(300_000).fill(7);
  expect(await context.call("structuredClone", bytes)).toEqual(bytes);
  await broker.close();
  await scene.emptied(GONE_MS);
}

/** In place of ssh: what it would have run on the remote machine, with unusual descriptors. */
function strangely(how: string, options: ConnectOptions): ConnectOptions {
  const last = "for command; do :; done\nexec";
  const program = script(
    `ssh-${how}`,
    `${last} '${newest}' '${DESCRIPTORS}' ${how} sh -c "$command"`,
  );
  return { ...options, ssh: { program } };
}

for (const [label, kind, { path, missing }] of [
  ["bun", "bun", bun()],
  ["node 18", "node", nodeOf("18")],
  ["node 26", "node", nodeOf("26")],
] as const) {
  const plan: Plan = { wants: "any", kind, path };
  const named: ConnectOptions = kind === "bun" ? { kind, bun: path } : { kind, node: path };

  suite(label, missing, "node", () => {
    test("the preamble comes one byte at a time", async () => {
      await using child = start(plan);
      await writeByteByByte(child, preamble(plan));
      await hasStarted(child);
      await scene.emptied(GONE_MS);
    });

    test("the end comes anywhere in the preamble", async () => {
      const whole = preamble(plan);
      const core = JS_CORE.length;
      const spread = [0, 0.2, 0.5, 0.9].map((part) => Math.floor(core * part));
      const edges = [1, core - 1, core, core + 1, core + HEADER_BYTES - 1, core + HEADER_BYTES];
      for (const offset of [...spread, ...edges, whole.length - 20, whole.length - 1]) {
        await using child = start(plan);
        if (offset > 0) child.stdin.write(whole.subarray(0, offset));
        await child.stdin.end();
        const said = await child.stdout.text();
        expect([offset, said, await child.exited]).toEqual([offset, "", CUT_SHORT]);
      }
      await scene.emptied(GONE_MS);
    }, 20_000);

    test("the end comes right after the preamble", async () => {
      await using child = start(plan);
      child.stdin.write(preamble(plan));
      await child.stdin.end();
      await child.exited;
      await scene.emptied(GONE_MS);
    });

    test("what stands for BOOT is garbage: it ends by itself", async () => {
      const whole = preamble(plan);
      for (const body of ["[", "null", "\\u0000"]) {
        const bytes = whole.slice();
        bytes.fill(32, JS_CORE.length + HEADER_BYTES);
        bytes.set(new TextEncoder().encode(body), JS_CORE.length + HEADER_BYTES);
        await using child = start(plan);
        child.stdin.write(bytes);
        await child.stdin.flush();
        expect(await child.exited).not.toBe(0);
      }
    });

    test("what follows the preamble is garbage: it ends", async () => {
      for (const garbage of [
        new Uint8Array(100_000).fill(255),
        crypto.getRandomValues(new Uint8Array(60_000)),
        Buffer.from("GET / HTTP/1.1\r\n\r\n".repeat(1000)),
      ]) {
        await using child = start(plan);
        child.stdin.write(preamble(plan));
        child.stdin.write(garbage);
        await child.stdin.flush();
        await Bun.sleep(50);
        await child.stdin.end();
        await child.exited;
        await scene.emptied(GONE_MS);
      }
    });

    // A worker of Node.js does not start where there is no working directory, nor with 24
    // descriptors.
    const more = kind === "bun" ? ["removed-cwd", "no-descriptors"] : [];
    for (const how of ["nonblocking", "tiny", "sockets", "closed2", ...more]) {
      test(`started with unusual descriptors: ${how}`, () => works(strangely(how, named), "host"));
    }

    for (const how of ["closed1", "closed0", "closed012"]) {
      test(`started without a way to answer: ${how}`, async () => {
        await using broker = new Broker();
        const options = { ...strangely(how, named), argv0: scene.argv0, deadline: 2000 };
        const context = await broker.connect("host", options);
        expect((await failure(context.ready())).code).toMatch(
          /^ERR_(BOOTSTRAP|DEADLINE|TRANSPORT)_/,
        );
        await broker.close();
        await scene.emptied(GONE_MS);
      });
    }

    test("noise before the marker, also what looks like one", async () => {
      const noise = `printf 'Welcome!\\033[31m\\necontext/1 AAAAAAAAAAAAAAAAAAAAAA\\necontext/1 '`;
      const much = "head -c 1000000 /dev/zero; echo to stderr >&2";
      const noisy = script(`${kind}-noise`, `${noise}; ${much}; exec '${path}' "$@"`);
      await works({ kind, [kind]: noisy });
    });

    test("found by itself", async () => {
      for (const plan of [{ wants: "javascript" }, { wants: "any" }] as const) {
        const PATH = pathOf({ [kind]: `exec '${path}' "$@"` });
        await using child = start(plan, { ...process.env, PATH });
        child.stdin.write(preamble(plan));
        await child.stdin.flush();
        await hasStarted(child);
        await scene.emptied(GONE_MS);
      }
    });

    test("cut short where it is found by itself", async () => {
      for (const plan of [{ wants: "javascript" }, { wants: "any" }] as const) {
        const whole = preamble(plan);
        for (const part of [0, 0.03, 0.5, 0.99]) {
          const PATH = pathOf({ [kind]: `exec '${path}' "$@"` });
          await using child = start(plan, { ...process.env, PATH });
          child.stdin.write(whole.subarray(0, Math.floor(whole.length * part)));
          await child.stdin.end();
          const said = await child.stdout.text();
          expect([part, said, await child.exited]).toEqual([part, "", CUT_SHORT]);
        }
      }
    }, 20_000);
  });
}

describe("errors", () => {
  async function fails(options: ConnectOptions, programs: Record<string, string>) {
    const before = process.env["PATH"];
    process.env["PATH"] = pathOf(programs);
    try {
      await using broker = new Broker({ graceMs: 300 });
      const context = await broker.connect("local", options);
      return await failure(context.ready());
    } finally {
      process.env["PATH"] = before;
    }
  }

  /** A Node.js that says that it is an old one. */
  function aged(path: string): string {
    const versions = '{ ...process.versions, node: "16.20.2", modules: "93" }';
    const code = `Object.defineProperties(process, { version: { value: "v16.20.2" }, versions: { value: ${versions} } });`;
    return `shift 2; code=$1; shift; exec '${path}' -e '${code}'"$code" "$@"`;
  }

  for (const kind of ["bun", "node"] as const) {
    test(`no ${kind}`, async () => {
      const error = await fails({ kind }, {});
      expect(error.code).toBe("ERR_BOOTSTRAP_NO_INTERPRETER");
      expect(error.message).toContain(`tried ${kind}`);
    });
  }

  test("nothing at all: all that was tried is listed", async () => {
    const error = await fails({}, {});
    expect(error.code).toBe("ERR_BOOTSTRAP_NO_INTERPRETER");
    expect(error.message).toContain("python3, bun, node, python");
  });

  const { path, missing } = nodeOf("18");
  suite("an old Node.js", missing, "node", () => {
    test("is refused, with its version", async () => {
      const error = await fails({ kind: "node" }, { node: aged(path) });
      expect(error.code).toBe("ERR_BOOTSTRAP_TOO_OLD");
      expect(error.message).toContain(`${path} 16.20.2`);
    });

    test("is refused, if it is so old that it does not know our option", async () => {
      const node = script("node-10", 'echo "node: bad option: $1" >&2; exit 9');
      const error = await fails({ kind: "node", node }, {});
      expect(error.code).toBe("ERR_BOOTSTRAP_TOO_OLD");
    });

    test("is refused where it is all that there is", async () => {
      const error = await fails({}, { node: aged(path) });
      expect(error.code).toBe("ERR_BOOTSTRAP_TOO_OLD");
      expect(error.message).toContain("16.20.2");
    });
  });

  test("the interpreter that was named is not one", async () => {
    const node = script("node-none", "echo I am no Node; echo really >&2; exit 3");
    const error = await fails({ kind: "node", node }, {});
    expect(error.code).toBe("ERR_BOOTSTRAP_FAILED");
    expect(error.message).toContain("I am no Node");
    expect(error.message).toContain("status 3");
  });
});
