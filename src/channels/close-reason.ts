/** What the ends of a channel need of the context that they are one end of. Types, and how a channel says why it was closed. */
import { CallError, ChannelError, EcontextError, ProtocolError } from "../errors.ts";
import type { Router } from "../mux/router.ts";
import { type Body, decodeValue, encodeValue } from "../protocol/value.ts";
import { neutralise, toWellFormed } from "../text.ts";

export interface Wire {
  readonly id: number;
  readonly name: string;
  readonly router: Router;
  /** @throws {ValueError} naming the path of what cannot be sent */
  encode(value: unknown): Body;
  /** @throws {ProtocolError} `ERR_PROTOCOL_VALUE` */
  decode(body: Uint8Array): unknown;
  /** In the lines of the user's own source. */
  mapStack(text: string): string;
}

/** The body of the message that closes a channel: null where there is nothing wrong, else what is. */
export function encodeClosing(error: unknown): readonly Uint8Array[] {
  if (error === undefined) return encodeValue(null).chunks;
  const { type, name, message, stack } = describe(error);
  return encodeValue([type ?? name, message, stack].map(toWellFormed)).chunks;
}

/** What it says: undefined where the channel ended as it should. @throws {ProtocolError} `ERR_PROTOCOL_VALUE` */
export function decodeClosing(
  wire: Wire,
  body: Uint8Array,
): { readonly error: EcontextError } | undefined {
  const said = decodeValue(body);
  if (said === null) return undefined;
  if (typeof said === "string") {
    const message = `${wire.name}: ${neutralise(said)}`;
    return { error: new ChannelError("ERR_CHANNEL_CLOSED", message) };
  }
  const isFailure = Array.isArray(said) && said.length === 3;
  if (!isFailure || !said.every((text) => typeof text === "string")) {
    throw new ProtocolError("ERR_PROTOCOL_VALUE", "malformed closing of a channel");
  }
  const [type, message, trace] = said as [string, string, string];
  return { error: new CallError(wire.name, type, wire.mapStack(message), wire.mapStack(trace)) };
}

interface Description {
  readonly type?: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** Never fails: an error must not fail to be told. */
function describe(error: unknown): Description {
  try {
    return described(error);
  } catch {
    return { name: typeof error, message: "", stack: "" };
  }
}

function described(error: unknown): Description {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error), stack: "" };
  const [name, message, stack] = [error.name, error.message, error.stack ?? ""].map(String) as [
    string,
    string,
    string,
  ];
  if (error instanceof CallError) {
    return { type: error.type, name, message: error.remoteMessage, stack: error.traceback };
  }
  // Positions in our own text are of no use to anybody.
  return { name, message, stack: error instanceof EcontextError ? `${name}: ${message}` : stack };
}
