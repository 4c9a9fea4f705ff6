/**
 * Values: what a message's body means. A body is JSON text alone, or, when it has raw parts:
 *
 *     0    1             5        5+N
 *     +----+-------------+--------+=======+=======+
 *     | 00 | N, u32 (BE) |  text  | part  | part  | …
 *     +----+-------------+--------+=======+=======+
 *
 * A value that JSON has no type for is an object of one member whose name begins with `!`, such as
 * `{"!b":[OFFSET,LENGTH]}`. Spec with the whole table: docs/protocol.md, "Values". Knows no frame.
 *
 * Twin: stage1/python/tier2/values. A JavaScript slave has this codec itself
 * (scripts/stage1.ts).
 */
export { type DecodeOptions, decodeValue } from "./value-decode.ts";
export {
  bytesHead,
  type EncodeOptions,
  encodeBytes,
  encodeLowered,
  encodePlain,
  encodeValue,
} from "./value-encode.ts";
export {
  type Body,
  GeneratorReference,
  RemoteError,
  SenderReference,
} from "./value-types.ts";
