/** HopLauncher and HopTable: the orders that a hop is given, and what its events do. */
import { describe, expect, test } from "bun:test";
import type { Context } from "../../src/context/context.ts";
import { DisconnectError, type EcontextError } from "../../src/errors.ts";
import { Depot } from "../../src/launch/depot.ts";
import { Hop, type HopSession } from "../../src/launch/hop.ts";
import { HopLauncher } from "../../src/launch/hop-launcher.ts";
import type { Launched, LaunchPlan } from "../../src/launch/launcher.ts";
import { Router } from "../../src/mux/router.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES, SWITCH, SWITCH_BIT } from "../../src/protocol/handles.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import { HopTable } from "../../src/tree/hop-table.ts";
import type { PathStep } from "../../src/tree/target-path.ts";
import { keptLink } from "../helpers/kept-link.ts";

const CORE = new Uint8Array(5000).fill(7);

/** A hop, context 1, whose frames are kept in `sent`. */
function open({ isKnown = true, cores = [] as Uint8Array[] } = {}) {
  const router = new Router((_context, problem) => problems.push(problem));
  const problems: string[] = [];
  const { link, sent } = keptLink();
  const ready = Promise.withResolvers<unknown>();
  const state = { isKnown, reason: undefined as EcontextError | undefined };
  const session: HopSession = {
    ready: ready.promise,
    start: () => {},
    isReady: () => state.isKnown,
    lastAsked: () => 0,
    cores: () => cores,
    language: () => (state.isKnown ? "python" : undefined),
    reason: () => state.reason,
    sever: () => {},
  };
  const id = router.allocateId();
  router.addRoute(id, { link, parent: 0, close: () => {} });
  const hop = new Hop({ id, name: "bastion", place: "bastion", above: [] }, router, session);
  const launcher = new HopLauncher(hop);
  const child = router.allocateId();
  const closed: (EcontextError | undefined)[] = [];
  const said: string[] = [];
  const plan: LaunchPlan = {
    id: child,
    nonce: "N",
    preamble: [CORE, new Uint8Array([1])],
    replay: undefined,
    argv: ["prog"],
    asks: false,
    isClient: true,
  };
  const launch = (own: Partial<LaunchPlan> = {}): Launched =>
    launcher.launch(
      { ...plan, ...own },
      { closed: (error) => closed.push(error), said: (text) => said.push(text) },
    );
  /** What the switch of the hop tells of the child. */
  const tell = (...event: unknown[]): void => {
    const start = orders().find(([handle]) => handle === SWITCH.FORWARD);
    const [, [, , reply]] = start as [number, [number, number, number]];
    const body = Buffer.from(JSON.stringify(event));
    const envelope = { dst: 0, src: id, auth: id, reply: 0, flags: 0 };
    router.deliver(link, { ...envelope, handle: reply, body });
  };
  const orders = () =>
    sent
      .filter(({ dst, handle }) => dst >= SWITCH_BIT && handle !== HANDLES.BOOT)
      .map(({ handle, body }) => [handle, decodeValue(body)]);
  const becomeReady = (): Promise<void> => {
    state.isKnown = true;
    ready.resolve(undefined);
    return Promise.resolve();
  };
  const send = (flags: number, body: Uint8Array) =>
    router.send({ dst: child, handle: 103, flags }, [body]);
  const what = { router, link, hop, id, child, state, problems, sent, closed, said };
  return { ...what, launch, tell, orders, becomeReady, send };
}

describe("HopLauncher", () => {
  test("installs the switch, keeps the core, starts the child", () => {
    const { launch, sent, orders, id } = open();
    launch();
    // The program that starts the child comes before it, the rest of the switch after it.
    const handles = sent.map(({ dst, handle }) => [dst - id, handle]);
    const [keepAt, forwardAt] = [SWITCH.KEEP, SWITCH.FORWARD].map((handle) => [SWITCH_BIT, handle]);
    const program = [SWITCH_BIT, HANDLES.BOOT];
    expect(handles).toEqual([program, keepAt, forwardAt, program] as number[][]);
    const [keep, forward] = orders();
    const key = expect.any(String);
    expect(keep).toEqual([SWITCH.KEEP, [key, CORE]]);
    const reply = expect.any(Number);
    const parts = [expect.any(Uint8Array), key, new Uint8Array([1])];
    const address = id + SWITCH_BIT;
    expect(forward).toEqual([SWITCH.FORWARD, [address, SWITCH.START, reply, 0, parts]]);
    const [, [, , , , [head]]] = forward as [
      number,
      [number, number, number, number, [Uint8Array]],
    ];
    expect(Buffer.from(head).toString()).toContain('"N",{"deaf":true}]');
  });

  test("a core that the hop was started with is named, and not sent", () => {
    const { launch, orders, sent } = open({ cores: [new Uint8Array(4000), CORE] });
    launch();
    const parts = [expect.any(Uint8Array), [4000, CORE.length], new Uint8Array([1])];
    const words = [expect.any(Number), SWITCH.START, expect.any(Number), 0, parts];
    expect(orders()).toEqual([[SWITCH.FORWARD, words]]);
    const bodies = sent.filter(({ handle }) => handle !== HANDLES.BOOT).map(({ body }) => body);
    expect(Math.max(...bodies.map((body) => body.length))).toBeLessThan(CORE.length);
  });

  test("a hop whose language is not known yet gets its orders when it is", async () => {
    const { launch, sent, becomeReady, send } = open({ isKnown: false });
    launch();
    send(0, new Uint8Array([1]));
    expect(sent).toEqual([]);
    await becomeReady();
    await new Promise((resolve) => setImmediate(resolve));
    const handles = sent.map(({ handle }) => handle);
    expect(handles).toEqual([HANDLES.BOOT, SWITCH.KEEP, SWITCH.FORWARD, HANDLES.BOOT, 103]);
  });

  test("modules that many children are sent cross the first link once", () => {
    const { launch, sent, send } = open();
    const launched = launch();
    const modules = new Uint8Array(3000).fill(3);
    send(FLAGS.DEFLATE, modules);
    send(FLAGS.DEFLATE, modules.slice());
    // Without the program of the switch.
    const carried = sent
      .filter(({ handle }) => handle !== HANDLES.BOOT)
      .map(({ body }) => body.length)
      .filter((length) => length > 2900);
    // The core, the modules, each once.
    expect(carried.sort()).toEqual([
      3000 + expectedHead(carried, 3000),
      5000 + expectedHead(carried, 5000),
    ]);
    const forwarded = sent.filter(({ handle }) => handle === SWITCH.FORWARD).slice(1);
    expect(forwarded.map(({ passage }) => passage?.weight)).toEqual([3024, 3024]);
    expect(launched.queuedBytes).toBe(0);
  });

  test("tells what comes before the marker, and how the child ended", async () => {
    const { launch, tell, closed, said } = open();
    const launched = launch();
    tell("noise", "Welcome\n");
    tell("stderr", "asks: ");
    expect([launched.noise, launched.stderr, launched.isMarked]).toEqual([
      "Welcome\n",
      "asks: ",
      false,
    ]);
    tell("marked");
    tell("stderr", "later");
    expect([launched.isMarked, said]).toEqual([true, ["asks: "]]);
    tell("closed");
    tell("ended", 7, null);
    expect(await launched.ended).toMatchObject({ status: 7, signal: undefined });
    expect(closed).toEqual([undefined]);
  });

  test("a program that could not be started is told as such", async () => {
    const { launch, tell, closed } = open();
    const launched = launch();
    tell("failed", "ENOENT: no such file or directory: prog");
    expect((await launched.ended).spawnError?.message).toContain("ENOENT");
    expect(closed).toEqual([undefined]);
  });

  test("closing sends a signal only before the marker", () => {
    for (const [isMarked, signal] of [
      [false, "TERM"],
      [true, null],
    ] as const) {
      const { launch, tell, orders, child, closed } = open();
      const launched = launch();
      if (isMarked) tell("marked");
      const reason = new DisconnectError("ERR_DISCONNECT_CLOSED", "x");
      launched.close(reason);
      launched.close(reason);
      expect(orders().at(-1)).toEqual([SWITCH.CLOSE, [child, signal]]);
      expect(closed).toEqual([reason]);
    }
  });

  test("the end of the hop is the end of its children, with the hop's reason", async () => {
    const { launch, router, id, closed } = open();
    const launched = launch();
    const reason = new DisconnectError("ERR_DISCONNECT_LOST", "bastion: the far side ended");
    router.remove(id, reason);
    expect(closed).toEqual([reason]);
    await launched.gone;
  });

  test("a hop that cannot be opened is the reason for what waits behind it", () => {
    const { launch, router, id, closed } = open({ isKnown: false });
    launch();
    const reason = new DisconnectError("ERR_DISCONNECT_LOST", "bastion: no such host");
    router.remove(id, reason);
    expect(closed).toEqual([reason]);
  });

  test("answers reach a child that is held, and no other; the bytes are overwritten", () => {
    const { launch, tell, orders, child } = open();
    const launched = launch({ hold: "ready" });
    const secret = new TextEncoder().encode("pass\n");
    launched.answer(secret);
    expect(orders().at(-1)).toEqual([SWITCH.WRITE, [child, new TextEncoder().encode("pass\n")]]);
    expect([...secret]).toEqual([0, 0, 0, 0, 0]);
    tell("held");
    expect(launched.isHeld).toBe(false);
    launched.answer(new TextEncoder().encode("late"));
    expect(orders().filter(([handle]) => handle === SWITCH.WRITE)).toHaveLength(1);
  });

  test("a malformed event ends the hop, and nothing else is believed", () => {
    const faults: string[] = [];
    const { launch, tell, router, id, link } = open();
    router.addRoute(id, { link, parent: 0, close: (error) => faults.push(error.message) });
    launch();
    for (const event of [["wrote", -1], ["wrote", "x"], ["noise", 5], ["nonsense"], ["fault"]]) {
      tell(...event);
    }
    expect(faults).toHaveLength(5);
  });
});

/** Bytes of a KEEP order beside the bytes that are kept. */
function expectedHead(carried: readonly number[], length: number): number {
  return (carried.find((one) => one > length && one < length + 200) ?? 0) - length;
}

test("Depot: each content once, up to 32 MiB, and nothing is ever dropped", () => {
  const depot = new Depot();
  const bytes = (n: number): Uint8Array => new Uint8Array(200_000).fill(n);
  const first = depot.keep(bytes(0));
  expect(first?.isNew).toBe(true);
  expect(depot.keep(bytes(0))).toEqual({ key: first?.key as string, isNew: false });
  const kept = Array.from({ length: 200 }, (_, n) => depot.keep(bytes(n))).filter(Boolean);
  expect(kept).toHaveLength(Math.floor((1 << 25) / 200_000));
  expect(depot.keep(bytes(0))?.isNew).toBe(false);
  expect(depot.keep(new Uint8Array(100))).toBeUndefined();
});

describe("HopTable", () => {
  const step = (label: string) => ({ transport: { label }, interpreter: {} }) as PathStep;

  function table(idleMs = 0) {
    const opened: string[] = [];
    const closed: string[] = [];
    const ended = new Map<string, EcontextError>();
    const hops = new HopTable(({ transport: { label } }, via) => {
      const name = via === undefined ? label : `${via.name}/${label}`;
      opened.push(name);
      const context = { close: async () => void closed.push(name) } as Context;
      return { hop: { id: opened.length, name, reason: () => ended.get(name) } as Hop, context };
    }, idleMs);
    const pass = (path: string, options = "") =>
      hops.pass(path.split("/").map(step), undefined, { key: options });
    const share = (path: string, hop: Hop, options = "") => {
      const context = { close: async () => void closed.push(hop.name) } as Context;
      return hops.share({ hop, context }, step(path), undefined, { key: options });
    };
    return { pass, share, opened, closed, ended, close: () => hops.close() };
  }

  test("opens each hop once, and closes it after the last pass, the inner one first", async () => {
    const { pass, opened, closed } = table();
    const passes = [pass("bastion/web1"), pass("bastion"), pass("bastion/web1")];
    expect(opened).toEqual(["bastion", "bastion/web1"]);
    expect(passes.map(({ hop }) => hop.name)).toEqual(["bastion/web1", "bastion", "bastion/web1"]);
    for (const { release } of passes) {
      expect(closed).toEqual([]);
      release();
      release();
      await Bun.sleep(0);
    }
    while (closed.length < 2) await Bun.sleep(1);
    expect(closed).toEqual(["bastion/web1", "bastion"]);
  });

  test("keeps an idle hop for the next, until the table is closed", async () => {
    const { pass, opened, closed, close } = table(60_000);
    pass("bastion/web1").release();
    const again = pass("bastion/web1");
    expect(opened).toEqual(["bastion", "bastion/web1"]);
    close();
    await Bun.sleep(0);
    expect(closed).toEqual([]);
    again.release();
    await Bun.sleep(0);
    expect(closed).toEqual(["bastion/web1", "bastion"]);
  });

  test("goes through a context of a user's, and leaves it to the user to close it", async () => {
    const { pass, share, opened, closed, close } = table();
    const own = { id: 100, name: "own", reason: () => undefined } as unknown as Hop;
    const shared = share("bastion", own);
    const [first, second] = [pass("bastion/web1"), pass("bastion")];
    expect(opened).toEqual(["own/web1"]);
    expect(second.hop).toBe(own);
    expect(pass("bastion", "-p 22").hop).not.toBe(own);

    const unused = shared.withdraw();
    let isUnused = false;
    void unused?.then(() => {
      isUnused = true;
    });
    // Its user has closed it: what goes through it stays, and the next path has a hop of its own.
    expect(pass("bastion").hop).not.toBe(own);
    second.release();
    await Bun.sleep(0);
    expect(isUnused).toBe(false);
    first.release();
    await unused;
    expect(closed).toEqual(["own/web1"]);
    close();
    expect(closed).not.toContain("own");
  });

  test("a context of a user's through which nothing goes is closed at once", () => {
    const { pass, share } = table();
    const own = { id: 100, name: "own", reason: () => undefined } as unknown as Hop;
    const shared = share("bastion", own);
    pass("bastion").release();
    // Another one of the same path stands behind the first.
    expect(share("bastion", { ...own, id: 101 } as unknown as Hop).withdraw()).toBeUndefined();
    expect(pass("bastion").hop).toBe(own);
    const later = shared.withdraw();
    expect(later).toBeInstanceOf(Promise);
    expect(shared.withdraw()).toBe(later as Promise<void>);
  });

  test("tells hops with other options apart, and opens one anew that has ended", () => {
    const { pass, opened, ended } = table();
    pass("bastion", "-p 22");
    pass("bastion", "-p 2222");
    ended.set("bastion", new DisconnectError("ERR_DISCONNECT_LOST", "gone"));
    pass("bastion", "-p 22");
    expect(opened).toEqual(["bastion", "bastion", "bastion"]);
  });
});
