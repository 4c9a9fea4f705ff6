/** Why a channel was closed: the body of its last message. Spec: docs/protocol.md, "Channels". */
import { CallError, ChannelError, EcontextError, ProtocolError } from "../errors.ts";
import type { ContextLink } from "../mux/context-link.ts";
import { decodeValue, encodeValue } from "../protocol/value.ts";
import { neutralise, toWellFormed } from "../text.ts";

/** @returns the body of the message that closes a channel: null, or the error of the sender */
export function encodeClosing(error: unknown): readonly Uint8Array[] {
  if (error === undefined) return encodeValue(null).chunks;
  const { type, name, message, stack } = describe(error);
  return encodeValue([type ?? name, message, stack].map(toWellFormed)).chunks;
}

/**
 * @returns the error that the channel was closed with; undefined if it was closed without one
 * @throws {ProtocolError} `ERR_PROTOCOL_VALUE`
 */
export function decodeClosing(
  link: ContextLink,
  body: Uint8Array,
): { readonly error: EcontextError } | undefined {
  const closing = decodeValue(body);
  if (closing === null) return undefined;
  if (typeof closing === "string") {
    const message = `${link.name}: ${neutralise(closing)}`;
    return { error: new ChannelError("ERR_CHANNEL_CLOSED", message) };
  }
  const isFailure = Array.isArray(closing) && closing.length === 3;
  if (!isFailure || !closing.every((text) => typeof text === "string")) {
    throw new ProtocolError("ERR_PROTOCOL_VALUE", "malformed closing of a channel");
  }
  const [type, message, trace] = closing as [string, string, string];
  return { error: new CallError(link.name, type, link.mapStack(message), link.mapStack(trace)) };
}

interface Description {
  readonly type?: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** Never throws, even if a getter of the error does: the far side must hear of the end. */
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
  // A stack of econtext's own files would not help the user.
  return { name, message, stack: error instanceof EcontextError ? `${name}: ${message}` : stack };
}
