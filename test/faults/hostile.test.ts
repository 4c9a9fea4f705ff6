/**
 * What a hostile slave cannot do: read what it may not, speak for another, reach the terminal, keep
 * the master from ending. Each against a live broker with another context beside it.
 * docs/security.md is the list.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { CallError, type Context } from "../../src/index.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { decodeValue } from "../../src/protocol/value.ts";
import { neutralise } from "../../src/text.ts";
import { kill, marked } from "../helpers/leaks.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { failure, frame, type Header, Stage, unharmed } from "./puppet.ts";

const TEXT = new TextEncoder();
const ESCAPE = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** The master's answer to a GET_MODULE. */
async function getModule(puppet: Context, request: unknown): Promise<unknown> {
  const answer = (await puppet.call("ask", HANDLES.GET_MODULE, request)) as [number, Uint8Array];
  const [flags, body] = answer;
  return decodeValue(flags & FLAGS.DEFLATE ? inflateSync(body) : body);
}

describe("files", () => {
  /** `root` may be served: a package with data and links out of it. `secret` is beside it. */
  function lay(dir: string): string {
    const root = join(dir, "root");
    for (const folder of ["pkg/data", "plain"]) mkdirSync(join(root, folder), { recursive: true });
    mkdirSync(join(dir, "secret"));
    writeFileSync(join(dir, "secret/__init__.py"), "SECRET = 1\n");
    writeFileSync(join(dir, "secret/secret.txt"), "SECRET");
    writeFileSync(join(root, "pkg/__init__.py"), "");
    writeFileSync(join(root, "pkg/data/open.txt"), "open");
    writeFileSync(join(root, "plain/file.txt"), "SECRET: not package data");
    symlinkSync(join(dir, "secret"), join(root, "linked"));
    symlinkSync(join(dir, "secret"), join(root, "pkg/linked"));
    symlinkSync(join(dir, "secret/__init__.py"), join(root, "pkg/module.py"));
    symlinkSync(join(dir, "secret/secret.txt"), join(root, "pkg/data/link.txt"));
    symlinkSync("../../secret", join(root, "pkg/data/up"));
    return root;
  }

  test("nothing outside of the roots is served", async () => {
    await using stage = new Stage();
    const root = lay(stage.dir);
    await using inner = new Stage({ roots: [root] });
    const puppet = await inner.puppet();
    expect(await getModule(puppet, "pkg")).toContainEqual(expect.arrayContaining(["pkg"]));
    expect(await getModule(puppet, ["pkg", "data/open.txt"])).toEqual(TEXT.encode("open"));
    const names = [
      ...["secret", "..secret", "../secret", "..", ".", "pkg..", "pkg/../../secret", "pkg.../x"],
      ...[
        join(stage.dir, "secret"),
        "/etc/passwd",
        "linked",
        "linked.x",
        "pkg.linked",
        "pkg.module",
      ],
      ...["pkg\0", "pkg\n", "\ud7ff", "econtext.", "econtext.constructor", "econtext.__proto__"],
      ...["econtext.toString", "econtext.hasOwnProperty", "constructor", "__proto__"],
    ];
    for (const name of names) {
      const text = JSON.stringify(await getModule(puppet, name));
      expect(text).not.toContain("SECRET");
      expect(JSON.parse(text)[0]).toEqual([name]);
    }
    const resources = [
      ...["../../secret/secret.txt", "../__init__.py", join(stage.dir, "secret/secret.txt"), "/"],
      ...["/etc/passwd", "data/link.txt", "data/up/secret.txt", "data/up/", "linked/", "..", "../"],
      ...[
        "data/../../../secret/secret.txt",
        "\0",
        "data/open.txt\0",
        "data/open.txt/",
        "x".repeat(9999),
      ],
    ];
    for (const path of resources)
      expect([path, await getModule(puppet, ["pkg", path])]).toEqual([path, null]);
    for (const name of ["plain", "", "..", "/etc", "linked", stage.dir]) {
      for (const path of ["file.txt", "passwd", "secret.txt", ""]) {
        expect(await getModule(puppet, [name, path])).toBeNull();
      }
    }
    await unharmed(await inner.victim());
  });

  test("malformed requests, and names without end, end the stream that sent them at most", async () => {
    await using stage = new Stage({ roots: ["."] });
    const victim = await stage.victim();
    for (const request of [7, null, [], ["pkg"], [1, 2], ["a", "b", "c"], { a: 1 }]) {
      const puppet = await stage.puppet();
      const error = await failure(puppet.call("ask", HANDLES.GET_MODULE, request));
      expect(error.code).toBe("ERR_PROTOCOL_VALUE");
    }
    for (const name of [
      `a${".a".repeat(1e6)}`,
      "a".repeat(4e6),
      "test".repeat(1e5),
      ".".repeat(1e6),
    ]) {
      const puppet = await stage.puppet();
      await puppet.call("ask", HANDLES.GET_MODULE, name).catch(() => {});
      await puppet.call("ask", HANDLES.GET_MODULE, [name, name]).catch(() => {});
    }
    await unharmed(victim);
  });
});

describe("names and handles", () => {
  test("a handle of another context, an unknown handle, another's name", async () => {
    await using stage = new Stage();
    const victim = await stage.victim();
    const puppet = await stage.puppet();
    const handle = (await puppet.call("handle")) as number;
    const slow = victim.call("time.sleep", 1);
    const body = TEXT.encode('"forged"');
    const { id } = victim;
    const forged: Header[] = [
      ...Array.from({ length: 60 }, (_, i) => ({ handle: handle - 20 + i })),
      ...Array.from({ length: 60 }, (_, i) => ({ handle: handle - 20 + i, src: id, auth: id })),
      ...Array.from({ length: 60 }, (_, i) => ({ handle: handle - 20 + i, src: id })),
      ...[0, 1, id, 0xffffffff].flatMap((who) => [
        { auth: who, handle: HANDLES.FORWARD_LOG },
        { src: who, handle: HANDLES.FORWARD_LOG },
        { dst: who === 0 ? id : who, handle: HANDLES.CALL_FUNCTION },
      ]),
      ...[0, 1, 99, HANDLES.CALL_FUNCTION, HANDLES.LOAD_MODULE, HANDLES.CANCEL, HANDLES.BOOT].map(
        (well) => ({ handle: well }),
      ),
      { handle: HANDLES.FORWARD_LOG, flags: FLAGS.DEFLATE },
    ];
    const bytes = Buffer.concat(forged.map((header) => frame(puppet, header, body)));
    // Its own handles among those it hit: that is its own loss.
    await puppet.call("raw", new Uint8Array(bytes), 1).catch(() => {});
    expect(await slow).toBeNull();
    expect(await puppet.call("pid")).toBeNumber();
    await unharmed(victim);
    expect(stage.logs.filter((one) => one.message.startsWith("dropped")).length).toBeLessThan(10);
  });

  test("who goes on with it is cut off", async () => {
    await using stage = new Stage();
    const victim = await stage.victim();
    for (const header of [{ src: victim.id }, { handle: 7, reply: 9 }, { flags: FLAGS.DEFLATE }]) {
      const puppet = await stage.puppet();
      const pending = puppet.call("raw", frame(puppet, header), LIMITS.maxStrikes + 10);
      const behind = puppet.call("stay");
      expect((await failure(pending)).code).toBe("ERR_PROTOCOL_STRIKES");
      expect((await failure(behind)).code).toBe("ERR_PROTOCOL_STRIKES");
    }
    await unharmed(victim);
  });

  test("the pid that it claims is not killed", async () => {
    await using innocent = Bun.spawn(["setsid", "sleep", "30"]);
    await using stage = new Stage();
    const puppet = await stage.puppet(`pid ${String(innocent.pid)}`);
    void puppet.call("stay").catch(() => {});
    await puppet.ready();
    await stage.broker.close();
    expect(innocent.exitCode).toBeNull();
    expect(innocent.signalCode).toBeNull();
  });
});

describe("the terminal", () => {
  test("neutralise leaves nothing that a terminal obeys", () => {
    for (let code = 0; code < 0x3000; code++) {
      expect(neutralise(`a${String.fromCharCode(code)}b`)).not.toMatch(UNSAFE);
    }
    expect(neutralise("line\n\ttab é")).toBe("line\n\ttab é");
  });

  test("messages of errors carry no escapes", async () => {
    await using stage = new Stage();
    const three = (a: string, b: string, c: string) => TEXT.encode(JSON.stringify([a, b, c]));
    const texts: Error[] = [];
    const failing = await stage.puppet();
    const body = three(`x.${ESCAPE}`, `no ${ESCAPE}`, `Traceback ${ESCAPE}`);
    const failed = await failure(failing.call("answer", FLAGS.ERROR, body));
    expect(failed).toBeInstanceOf(CallError);
    texts.push(failed);
    const dead = TEXT.encode(JSON.stringify(`gone ${ESCAPE}`));
    texts.push(await failure(failing.call("answer", FLAGS.DEAD, dead)));
    const garbled = await stage.puppet();
    texts.push(await failure(garbled.call("answer", 0, TEXT.encode(`{"!${ESCAPE}":0}`))));
    texts.push(await failure((await stage.puppet("last words")).ready()));
    texts.push(await failure((await stage.puppet("noise")).ready()));
    for (const error of texts) {
      expect(error.message).not.toMatch(UNSAFE);
      expect(String(error)).not.toMatch(UNSAFE);
      expect(error.stack ?? "").not.toMatch(UNSAFE);
      expect(Bun.inspect(error, { colors: false })).not.toMatch(UNSAFE);
    }
  });

  test("a log record's time, level and logger are fit to be shown", async () => {
    await using stage = new Stage();
    const victim = await stage.victim();
    const strange = [
      '[20,"x","t",{"!f":"nan"}]',
      '[20,"x","t",1e300]',
      '[{"!f":"inf"},"x","t",0]',
      '[1e308,"x","t",-1e300]',
    ];
    for (const text of strange) {
      const puppet = await stage.puppet();
      const sent = { handle: HANDLES.FORWARD_LOG };
      await puppet.call("message", sent, TEXT.encode(text)).catch(() => {});
    }
    for (const { time, level } of stage.logs) {
      expect(() => new Date(time).toISOString()).not.toThrow();
      expect(Number.isFinite(level)).toBe(true);
    }
    await unharmed(victim);
  });
});

describe("the end", () => {
  test("who never ends, ignores close and holds its pipes open", async () => {
    await using stage = new Stage();
    const puppet = await stage.puppet();
    const held = failure(puppet.call("stay"));
    await puppet.ready();
    const began = performance.now();
    await stage.broker.close();
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    expect((await held).code).toBe("ERR_DISCONNECT_FORCED");
  });

  test("who is gone and leaves a process of another session that holds its pipes open", async () => {
    await using stage = new Stage();
    const puppet = await stage.puppet();
    const seconds = `20.${String(process.pid)}`;
    const held = failure(puppet.call("haunt", seconds));
    await puppet.ready();
    const began = performance.now();
    await stage.broker.close();
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    expect((await held).name).toBe("DisconnectError");
    // A session of its own is out of reach for us, as it is for ssh.
    kill([...marked().values()].filter((one) => one.command.includes(seconds)));
  });

  test("who says nothing at all, and who says too much", async () => {
    await using stage = new Stage();
    const silent = await stage.puppet("silent", 500);
    expect((await failure(silent.call("pid"))).code).toBe("ERR_DEADLINE_CONNECT");
    const noisy = await stage.puppet("noise");
    expect((await failure(noisy.call("pid"))).code).toBe("ERR_BOOTSTRAP_NOISE");
    const never = await stage.puppet("silent");
    const began = performance.now();
    await never.close();
    expect(performance.now() - began).toBeLessThan(SOON_MS);
  });
});

describe("logs", () => {
  test("a flood is bounded, and it is said how much was dropped", async () => {
    await using stage = new Stage();
    const victim = await stage.victim();
    const puppet = await stage.puppet();
    await puppet.ready();
    const line = TEXT.encode(`[20,"stdout","${"x".repeat(1000)}\\n",0]`);
    const began = performance.now();
    await puppet.call("raw", frame(puppet, { handle: HANDLES.FORWARD_LOG }, line), 50_000);
    const taken = stage.logs.filter((one) => one.logger === "stdout").length * 1000;
    const seconds = (performance.now() - began) / 1000;
    // Of one context, the far side lets through half of this.
    const { logBurstBytes, logBytesPerSecond } = LIMITS;
    expect(taken).toBeLessThan(2 * (logBurstBytes + (seconds + 1) * logBytesPerSecond));
    // It is said with the next record that is let through.
    while (!stage.logs.some((one) => /\d+ .*dropped/.test(one.message))) {
      await puppet.call("raw", frame(puppet, { handle: HANDLES.FORWARD_LOG }, line), 1);
    }
    await unharmed(victim);
  });

  test("what was dropped is said at the end too", async () => {
    const stage = new Stage();
    const puppet = await stage.puppet();
    await puppet.ready();
    const line = TEXT.encode(`[20,"stdout","${"x".repeat(1000)}\\n",0]`);
    await puppet.call("raw", frame(puppet, { handle: HANDLES.FORWARD_LOG }, line), 20_000);
    await stage[Symbol.asyncDispose]();
    expect(stage.logs.some((one) => /\d+ .*dropped/.test(one.message))).toBe(true);
  });
});
