/**
 * How errors name a path. What could not be opened: `HOP: WORD: problem`. A context that was open:
 * `PATH: problem`. Records of `--log-format json` have the code, the target and the hop as members.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { start } from "../cli/econtext.ts";
import { suite } from "../helpers/skip.ts";
import { SOON_MS } from "../helpers/soon.ts";
import { Lab, missingLab } from "../lab/lab.ts";

setDefaultTimeout(120_000);

/** A command line, and the first line of its error; after it, the members of its record. */
type Row = readonly [
  args: readonly string[],
  line: string,
  facts: { readonly code: string; readonly target: string; readonly hop?: string },
];

const EXEC = ["--", "true"];
const ROWS: Readonly<Record<string, Row>> = {
  "the first hop is unknown": [
    ["exec", "nohost1/web1/sudo:root", ...EXEC],
    "nohost1: no such host",
    { code: "ERR_TRANSPORT_UNKNOWN_HOST", target: "nohost1/web1/sudo:root", hop: "nohost1" },
  ],
  "the second hop is unknown": [
    ["exec", "bastion/nohost2/sudo:root", ...EXEC],
    "bastion: nohost2: no such host",
    {
      code: "ERR_TRANSPORT_UNKNOWN_HOST",
      target: "bastion/nohost2/sudo:root",
      hop: "bastion/nohost2",
    },
  ],
  "no such user at sudo": [
    ["exec", "bastion/web1/sudo:nouser", ...EXEC],
    "bastion/web1: sudo:nouser: no such user",
    {
      code: "ERR_TRANSPORT_UNKNOWN_USER",
      target: "bastion/web1/sudo:nouser",
      hop: "bastion/web1/sudo:nouser",
    },
  ],
  "no such container": [
    ["exec", "bastion/web1/sudo/podman:nope", ...EXEC],
    "bastion/web1/sudo:root: podman:nope: no such container",
    {
      code: "ERR_TRANSPORT_NOT_FOUND",
      target: "bastion/web1/sudo/podman:nope",
      hop: "bastion/web1/sudo/podman:nope",
    },
  ],
  "no interpreter behind a hop": [
    ["exec", "--python", "/nope", "bastion/web1", ...EXEC],
    "bastion: web1: no interpreter found (tried /nope)",
    { code: "ERR_BOOTSTRAP_NO_INTERPRETER", target: "bastion/web1", hop: "bastion/web1" },
  ],
  "a call that fails behind a hop": [
    ["call", "bastion/web1", "os.stat", "/nope"],
    "bastion/web1: FileNotFoundError: [Errno 2] No such file or directory: '/nope'",
    { code: "ERR_CALL_FAILED", target: "bastion/web1" },
  ],
};

suite("errors of paths", missingLab(), "lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open({ machines: ["web1"] });
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await lab.emptied(SOON_MS);
  });

  const open = (...args: string[]) => start(args, { ECONTEXT_SSH_CONFIG: lab.configPath });

  async function stderrOf(...args: readonly string[]): Promise<string> {
    await using child = open(...args);
    return await child.stderr.text();
  }

  for (const [title, [args, line, facts]] of Object.entries(ROWS)) {
    test(title, async () => {
      const [command = "", ...rest] = args;
      const [text, json] = await Promise.all([
        stderrOf(command, ...rest),
        stderrOf(command, "--log-format", "json", ...rest),
      ]);
      expect(text.split("\n", 1)).toEqual([line]);
      const { code, target, hop, message } = JSON.parse(json) as Record<string, string>;
      expect({ code, target, hop, message: message?.split("\n", 1)[0] }).toEqual({
        hop: undefined,
        ...facts,
        message: line,
      });
    });
  }

  test("the connection is lost in the middle", async () => {
    const target = "bastion/web1/sudo:root";
    const script = "echo up; exec sleep 1000";
    await using child = open("exec", "--log-format", "json", target, "--", "sh", "-c", script);
    const reader = child.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("up\n");
    const [client] = lab
      .host("bastion")
      .strays()
      .filter(({ command }) => /^ssh\b.*\bweb1\b/.test(command));
    process.kill(client?.pid ?? 0, "SIGKILL");
    expect(JSON.parse(await child.stderr.text())).toMatchObject({
      message: expect.stringMatching(
        /^bastion\/web1: the far side ended \(ssh died of SIGKILL\)\n {2}try: connect again/,
      ),
      code: "ERR_DISCONNECT_LOST",
      hop: "bastion/web1",
      target,
    });
    expect(await child.exited).toBe(255);
  });

  test("several targets: each line begins with the place of its failure", async () => {
    const text = await stderrOf("exec", "nohost1/web1", "bastion/nohost2", ...EXEC);
    const lines = text.trimEnd().split("\n").sort();
    expect(lines).toEqual([
      "2 failed: bastion/nohost2,nohost1/web1 (no such host)",
      expect.stringMatching(/^bastion: nohost2: no such host; it said: .+; try: .+ on bastion$/),
      expect.stringMatching(/^nohost1: no such host; it said: .+; try: /),
    ]);
  });
});
