/** The preamble: the compressed core (both, where the interpreter is not known) and its boot arguments, written at once. docs/protocol.md, "Bootstrap". */
import { encodeMessage } from "../protocol/frame.ts";
import { HANDLES, MASTER_ID, PROTOCOL_VERSION } from "../protocol/handles.ts";
import { program } from "./first-stage.ts";
import type { Plan } from "./plan.ts";

export interface BootArguments {
  /** The slave's context id. */
  readonly id: number;
  /** 22 characters, new for each connection. */
  readonly nonce: string;
  readonly name: string;
  /** What `ps` shows over there. */
  readonly argv0: string;
  /** Lowest log level that is sent. */
  readonly level: number;
  /** Milliseconds of silence after which the slave ends; 0: never. */
  readonly lease: number;
  /** Characters of output a second that are logged; 0: no limit. */
  readonly rate: number;
}

/** @param reply handle of the master that learns that the slave is ready */
export function preamble(boot: BootArguments, plan: Plan, reply = 1000): Uint8Array {
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
  return Buffer.concat([...program(plan), ...(frame ?? [])]);
}
