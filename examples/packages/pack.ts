/** Packs a text and unpacks it again. */
import { parseArgs } from "citty";
import { gunzipSync, gzipSync, strFromU8, strToU8 } from "fflate";
// @ts-ignore It brings no types along.
import { Buffer as Safer } from "safer-buffer";

export interface Packed {
  readonly before: number;
  readonly after: number;
  readonly same: boolean;
  readonly level: string;
}

export function packed(text: string): Packed {
  const { level } = parseArgs(["--level", "9"], { level: { type: "string" } });
  const small = gzipSync(strToU8(text), { level: 9 });
  const back = strFromU8(gunzipSync(small));
  return { before: Safer.from(text).length, after: small.length, same: back === text, level: String(level) };
}
