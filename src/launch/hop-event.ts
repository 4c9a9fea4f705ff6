/**
 * What a hop's switch tells of one child, or of one connection. A hop is not trusted: its events
 * are data, and checked.
 */
import { ProtocolError } from "../errors.ts";

export type HopEvent =
  /** Output before the marker. */
  | { readonly kind: "noise" | "stderr"; readonly text: string }
  /** The line that allows writing has come. */
  | { readonly kind: "held" }
  /** The marker has come. */
  | { readonly kind: "marked" }
  /** The output of the child has ended. */
  | { readonly kind: "closed" }
  /** The connection is made. */
  | { readonly kind: "connected" }
  /** So many bytes of frames were written to the child. */
  | { readonly kind: "wrote"; readonly bytes: number }
  /** A frame was dropped that came from the child. */
  | { readonly kind: "fault"; readonly problem: string }
  | {
      readonly kind: "ended";
      readonly status: number | undefined;
      readonly signal: string | undefined;
    }
  /** The child could not be started, or the connection not be made: the system's error. */
  | { readonly kind: "failed"; readonly problem: string };

const decoder = new TextDecoder("utf-8", { fatal: true });

/** @throws {ProtocolError} `ERR_PROTOCOL_EVENT` */
export function readHopEvent(body: Uint8Array): HopEvent {
  const event = fromJson(body);
  if (event === undefined) throw malformed(body);
  return event;
}

function fromJson(body: Uint8Array): HopEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [kind, first, second] = value as unknown[];
  switch (kind) {
    case "noise":
    case "stderr":
      return typeof first === "string" ? { kind, text: first } : undefined;
    case "held":
    case "marked":
    case "closed":
    case "connected":
      return { kind };
    case "wrote":
      return isCount(first) ? { kind, bytes: first } : undefined;
    case "fault":
      return typeof second === "string" ? { kind, problem: second } : undefined;
    case "failed":
      return typeof first === "string" ? { kind, problem: first } : undefined;
    case "ended":
      return {
        kind,
        status: isCount(first) ? first : undefined,
        signal: typeof second === "string" ? second : undefined,
      };
    default:
      return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(body: Uint8Array): ProtocolError {
  const shown = new TextDecoder().decode(body.subarray(0, 60));
  const problem = `not an event of a child: ${JSON.stringify(shown)}`;
  return new ProtocolError("ERR_PROTOCOL_EVENT", problem);
}
