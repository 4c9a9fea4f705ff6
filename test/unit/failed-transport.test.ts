/** Whether the transport's program or the first stage failed, by what both are known to print. */
import { expect, test } from "bun:test";
import { readConfiguration } from "../../src/config/configuration.ts";
import type { Plan } from "../../src/interpreters/plan.ts";
import { failureOf } from "../../src/launch/failed-transport.ts";
import { parsePath } from "../../src/tree/target-path.ts";

const CONFIGURATION = `
[transports.own]
argv = ["wrapper", "{command}"]
[transports.script]
argv = ["python3", "wrapper.py", "{command}"]
[transports.asking]
argv = ["wrapper", ["{prompt}"], "{command}"]
prompt = "nonce"
`;

interface More {
  readonly isHeld?: boolean;
  readonly path?: string;
}

function codeOf(word: string, status: number, stderr: string, more: More = {}): string | undefined {
  const [step] = parsePath(word, readConfiguration("a.toml", CONFIGURATION));
  if (step === undefined) throw new Error("no step");
  const { isHeld = false, path } = more;
  const plan: Plan = path ? { wants: "any", kind: "python", path } : { wants: "any" };
  const launched = { argv: step.transport.wrap(["sh"]), stderr, isHeld };
  return failureOf(step.transport, { plan, launched, status, isSilent: stderr === "" })?.code;
}

const FAILED = "ERR_TRANSPORT_FAILED";
const TRACE = 'Traceback (most recent call last):\n  File "';

type Row = readonly [word: string, status: number, stderr: string, more?: More];

const OF_TRANSPORT: readonly Row[] = [
  ["own", 1, ""],
  ["own", 127, "own: no way\n"],
  ["own", 255, "ssh: no such host\n"],
  ["own", 1, `${TRACE}/opt/wrapper", line 1\n`],
  ["script", 2, "python3: can't open file 'wrapper.py'\n"],
  ["asking", 1, "wrapper: a password is required\n", { isHeld: true }],
  ["sudo", 1, "sudo : mot de passe\n", { isHeld: true }],
  ["nsenter:1", 127, "nsenter: in another language\n"],
  ["chroot:%2Fa", 127, "/usr/sbin/chroot: in another language\n"],
];

test("it was the transport's program", () => {
  for (const row of OF_TRANSPORT) expect([row, codeOf(...row)]).toEqual([row, FAILED]);
});

const OF_FIRST_STAGE: readonly Row[] = [
  ["own", 97, ""],
  ["own", 98, "econtext: /usr/bin/python3 2.6\n"],
  ["own", 99, ""],
  ["own", 127, "sh: 1: /opt/python: not found\n", { path: "/opt/python" }],
  ["own", 126, "sh: 1: /usr/bin/python3: Exec format error\n"],
  ["own", 127, "node: error while loading shared libraries: libx.so\n"],
  ["own", 1, `${TRACE}<string>", line 1\n`],
  ["own", 1, "Fatal Python error: init_fs_encoding\n"],
  ["asking", 1, "wrapper: welcome\n"],
  ["podman:a", 1, ""],
  ["nsenter:1", 2, "sh: in another language\n"],
  ["web1", 1, "ssh: welcome\n"],
  ["local", 1, ""],
];

test("it was the first stage, or its interpreter", () => {
  for (const row of OF_FIRST_STAGE) expect([row, codeOf(...row)]).toEqual([row, undefined]);
});
