/**
 * NODE_OPTIONS of an account: those that the core cannot run with are named, and all others do no
 * harm.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BootstrapError,
  Broker,
  type ConnectOptions,
  type LogRecord,
} from "../../src/index.ts";
import { failure } from "../faults/puppet.ts";
import { bun, nodeOf, nodeVersions } from "../helpers/javascripts.ts";
import { sample } from "../helpers/sample.ts";
import { writeScript } from "../helpers/scripts.ts";
import { suite } from "../helpers/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "econtext-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Not allowed in NODE_OPTIONS of that version: is named all the same. */
const BREAKING = [
  ["--input-type=module", "--input-type"],
  ["--permission", "--permission"],
  ["--disallow-code-generation-from-strings", "--disallow-code-generation-from-strings"],
  ["--no-such-option", "--no-such-option"],
  ["--require=/absent.cjs", "--require"],
  ["--import=/absent.mjs", "--import"],
] as const;

for (const version of sample(nodeVersions())) {
  const { path, missing } = nodeOf(version);
  const withOptions = (options: string): ConnectOptions => ({
    kind: "node",
    node: writeScript(
      join(folder, `node-${version}${options.replace(/\W/g, "-")}`),
      `NODE_OPTIONS='${options}' exec '${path}' "$@"`,
    ),
  });

  suite(`node ${version}`, missing, "node", () => {
    for (const [options, name] of BREAKING) {
      test(`${options} is named`, async () => {
        await using broker = new Broker();
        const context = await broker.connect("local", withOptions(options));
        const error = (await failure(context.ready())) as BootstrapError;
        expect([error.code, error.message]).toEqual(["ERR_BOOTSTRAP_FAILED", expect.any(String)]);
        const [what = "", ...rest] = error.message.split("\n");
        expect(what).toContain("NODE_OPTIONS");
        expect(what).toContain(name);
        // Node.js says why, be it in the middle of a stack.
        expect(rest.join("\n")).toMatch(/it said: .*\S/);
      });
    }

    test("--trace-sync-io does not make what is logged grow", async () => {
      const logs: LogRecord[] = [];
      await using broker = new Broker({ onLog: (record) => logs.push(record) });
      const context = await broker.connect("local", withOptions("--trace-sync-io"));
      for (let i = 0; i < 3; i++) {
        expect(await context.exec(["echo", "hi"]).stdout.text()).toBe("hi\n");
        expect(await context.call("parseInt", "17")).toBe(17);
      }
      await broker.close();
      expect(logs.map((record) => record.message)).toEqual([]);
    });

    test("--frozen-intrinsics and --throw-deprecation do no harm", async () => {
      await using broker = new Broker({ onLog: () => {} });
      const options = withOptions("--frozen-intrinsics --throw-deprecation");
      const context = await broker.connect("local", options);
      expect(await context.call("parseInt", "17")).toBe(17);
    });
  });
}

for (const how of ["found", "asked for by kind", "named"] as const) {
  test(`a bunfig.toml of the current folder runs no code where bun is ${how}`, async () => {
    const home = mkdtempSync(join(folder, "home-"));
    const bin = mkdtempSync(join(folder, "bin-"));
    const ran = join(home, "ran");
    writeFileSync(join(home, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(home, "preload.ts"), `await Bun.write(${JSON.stringify(ran)}, "");\n`);
    for (const name of ["sh", "sleep"]) symlinkSync(`/bin/${name}`, join(bin, name));
    writeScript(join(bin, "bun"), `cd '${home}' && exec '${bun().path}' "$@"`);
    const before = process.env["PATH"];
    process.env["PATH"] = bin;
    try {
      await using broker = new Broker();
      const options = {
        found: {},
        "asked for by kind": { kind: "bun" },
        named: { bun: join(bin, "bun") },
      } as const;
      const context = await broker.connect("local", options[how]);
      expect((await context.ready()).kind).toBe("bun");
      expect(await context.call("node:process.cwd")).toBe(home);
    } finally {
      process.env["PATH"] = before;
    }
    expect(await Bun.file(ran).exists()).toBe(false);
  });
}
