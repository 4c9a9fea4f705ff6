/** The status line while the only target has not answered: on a terminal, and nowhere else. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine, eventually, uniqueSeconds } from "../conformance/session.ts";
import { suite } from "../helpers/skip.ts";
import { missingTmux, Tmux } from "../repl/tmux.ts";
import { ECONTEXT, PYTHON } from "./econtext.ts";

setDefaultTimeout(60_000);

suite("a target that is slow to answer", missingTmux, "tmux", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "econtext-slow-"));
    const slow = `#!/bin/sh\nwhile [ ! -e ${folder}/go ]; do sleep 0.1; done\nexec ${PYTHON} "$@"\n`;
    writeFileSync(join(folder, "python3"), slow);
    chmodSync(join(folder, "python3"), 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is named after some seconds; the line is gone when it answers", async () => {
    const exec = [...ECONTEXT, "exec", "--python", join(folder, "python3"), "local", "--"].join(
      " ",
    );
    const piped = `${exec} printf piped >${folder}/out 2>${folder}/err`;
    await using terminal = new Tmux();
    const script = `${piped} & ${exec} printf "one:%s" two; wait; echo; echo LEFT; exec cat`;
    await terminal.open(`exec sh -c '${script}'`);
    await terminal.until(/^connecting to local: [4-9] s; no answer yet$/m);
    writeFileSync(join(folder, "go"), "");
    expect((await terminal.until(/LEFT/)).trim()).toBe("one:two\nLEFT");
    expect(readFileSync(join(folder, "out"), "utf8")).toBe("piped");
    expect(readFileSync(join(folder, "err"), "utf8")).toBe("");
  });

  test("the line is gone when the target is given up", async () => {
    rmSync(join(folder, "go"), { force: true });
    const words = ["exec", "--deadline", "6", "--python", join(folder, "python3"), "local"];
    await using terminal = new Tmux();
    const argv = [...ECONTEXT, ...words, "--", "true"].join(" ");
    await terminal.open(`exec sh -c '${argv}; echo LEFT $?; exec cat'`);
    await terminal.until(/^connecting to local: \d s; no answer yet$/m);
    const shown = await terminal.until(/LEFT \d+/);
    expect(shown).toMatch(/^local: no answer within 6000 ms/);
    expect(shown).toContain("LEFT 124");
    expect(shown).not.toContain("connecting");
  });

  test("given up, its proxy command does not go on, with a terminal and without", async () => {
    const word = uniqueSeconds();
    const config = join(folder, "proxy");
    writeFileSync(config, `Host slow\n  ProxyCommand sleep ${word}\n`);
    const argv = [...ECONTEXT, "exec", "-F", config, "slow", "--", "true"];
    await using child = Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"] });
    await using terminal = new Tmux();
    await terminal.open(`exec sh -c 'trap : INT; ${argv.join(" ")}; echo LEFT $?; exec cat'`);
    expect(await eventually(() => processesWith(word).length === 2, 30_000)).toBe(true);
    child.kill("SIGTERM");
    await child.exited;
    await terminal.press("C-c");
    await terminal.until(/LEFT \d+/);
    expect(processesWith(word)).toEqual([]);
  });
});

/** The processes of a command `sleep WORD`. */
function processesWith(word: string): string[] {
  return readdirSync("/proc").filter((pid) => commandLine(pid) === `sleep\0${word}\0`);
}
