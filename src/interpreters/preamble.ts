/**
 * The preamble: the compressed core and its boot arguments, written at once. Where the interpreter
 * is not known, the cores of both languages are sent. Spec: docs/protocol.md, "Bootstrap".
 */
import { encodeMessage } from "../protocol/frame.ts";
import { HANDLES, MASTER_ID, PROTOCOL_VERSION } from "../protocol/handles.ts";
import { program } from "./first-stage.ts";
import type { Plan } from "./plan.ts";

export interface BootArguments {
  /** The slave's context id. */
  readonly id: number;
  /** 22 characters, new for each launch. */
  readonly nonce: string;
  readonly name: string;
  /** What `ps` shows of the slave. */
  readonly argv0: string;
  /** The lowest level of log records that the slave sends. */
  readonly level: number;
  /** Milliseconds of silence after which the slave ends; 0: never. */
  readonly lease: number;
  /** Characters of output that the slave logs in a second; 0: no limit. */
  readonly rate: number;
}

/** The preamble as one. @param reply handle of the master that gets the answer to BOOT */
export function preamble(boot: BootArguments, plan: Plan, reply = 1000): Uint8Array {
  return Buffer.concat(preambleParts(boot, plan, reply));
}

/** The preamble in parts: first what is the same for all slaves of the plan. */
export function preambleParts(boot: BootArguments, plan: Plan, reply: number): Uint8Array[] {
  const { id, nonce, name, argv0, level, lease, rate } = boot;
  const value = [PROTOCOL_VERSION, nonce, name, argv0, level, lease, rate];
  const text = new TextEncoder().encode(JSON.stringify(value));
  const envelope = {
    dst: id,
    src: MASTER_ID,
    auth: MASTER_ID,
    handle: HANDLES.BOOT,
    reply,
    flags: 0,
  };
  const [frame] = encodeMessage(envelope, [text]);
  return [...program(plan), ...((frame ?? []) as Uint8Array[])];
}
