/** Contexts behind contexts, on this machine: what an order to a hop must not depend on. */
import { expect, test } from "bun:test";
import { Broker, type ConnectOptions } from "../../src/index.ts";
import { bun } from "../helpers/javascripts.ts";
import { pythons } from "../helpers/pythons.ts";

const python: ConnectOptions = { kind: "python", python: pythons().at(-1)?.path ?? "python3" };
const javascript: ConnectOptions = { kind: "bun", bun: bun().path };
const WAYS: readonly (readonly [string, readonly ConnectOptions[]])[] = [
  ["of Pythons", [python, python, python, python]],
  ["of Buns", [javascript, javascript, javascript, javascript]],
  ["of both", [python, javascript, python, javascript]],
  ["whose interpreters are not known yet", [{}, {}, {}, python]],
  ["whose first interpreter is not known yet", [{}, python, python, python]],
];

for (const [name, way] of WAYS) {
  test(`four contexts ${name}, opened without waiting for one of them`, async () => {
    await using broker = new Broker();
    let context = await broker.connect("local", way[0]);
    for (const options of way.slice(1)) context = await context.connect("local", options);
    const simple = way.at(-1)?.kind === "python" ? "os.getpid" : "Date.now";
    expect(await context.call(simple)).toBeNumber();
  });

  test(`three contexts ${name}: each is closed at once, and the last still opens`, async () => {
    await using broker = new Broker();
    const first = await broker.connect("local", way[0]);
    const second = await first.connect("local", way[1]);
    const closed = Array.from({ length: 5 }, async () => {
      const context = await second.connect("local", way[2]);
      context.ready().catch(() => {});
      await context.close();
    });
    await Promise.all(closed);
    const last = await second.connect("local", way[3]);
    const simple = way.at(3)?.kind === "python" ? "os.getpid" : "Date.now";
    expect(await last.call(simple)).toBeNumber();
  });
}

for (const options of [
  ...pythons().map(({ path }) => ({ kind: "python", python: path }) as const),
  javascript,
]) {
  const name = options.kind === "bun" ? "a Bun" : options.python;
  test(`large frames go through ${name} that has run a command before it was a hop`, async () => {
    await using broker = new Broker();
    const hop = await broker.connect("local", options);
    expect(await hop.exec(["echo", "it"]).stdout.text()).toBe("it\n");
    const behind = await hop.connect("local", python);
    const sent = new Uint8Array(8 << 20).fill(7);
    const counted = behind.exec(["wc", "-c"], { stdin: sent });
    expect((await counted.stdout.text()).trim()).toBe(String(sent.length));
    const got = await behind.exec(["head", "-c", "8388608", "/dev/zero"]).stdout.bytes();
    expect(got.length).toBe(8 << 20);
  });
}
