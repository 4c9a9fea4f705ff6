/** Repeatable chance for property tests: print the seed, and a failure can be run again. */
import { RemoteError, SenderReference } from "../../src/protocol/value.ts";

/**
 * A number below 1, from a 32-bit state (a linear congruential generator, its high bits mixed
 * down).
 */
export type Dice = () => number;

export function makeDice(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** `ECONTEXT_TEST_SEED`, or another one each time. */
export const SEED = Number(process.env.ECONTEXT_TEST_SEED ?? Date.now() % 2 ** 31);

export function below(dice: Dice, n: number): number {
  return Math.floor(dice() * n);
}

const TEXTS = ["", "a", "!b", "__proto__", "héllo", "\u{1f600}", "\u0000\u001b", '"\\', "[{", "7"];

export function randomText(dice: Dice): string {
  return Array.from({ length: below(dice, 3) + 1 }, () => TEXTS[below(dice, TEXTS.length)]).join(
    "",
  );
}

function randomInteger(dice: Dice): number {
  return below(dice, 2 ** below(dice, 53)) * (dice() < 0.5 ? -1 : 1) + 0;
}

/** What is one key in every language: no two of these are equal in Python but not here. */
function randomKey(dice: Dice): unknown {
  const kind = below(dice, 4);
  if (kind === 0) return randomInteger(dice) + 2 ** 40;
  if (kind === 1) return randomText(dice);
  if (kind === 2) return 2n ** 60n + BigInt(randomInteger(dice));
  return null;
}

/** A value of any kind that can be sent, at most `depth` containers deep. */
export function randomValue(dice: Dice, depth: number): unknown {
  const list = (make: () => unknown) => Array.from({ length: below(dice, 5) }, make);
  const inner = () => randomValue(dice, depth - 1);
  switch (below(dice, depth > 0 ? 18 : 13)) {
    case 0:
      return randomInteger(dice);
    case 1:
      return dice() * 10 ** (below(dice, 600) - 300);
    case 2:
      return [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0][below(dice, 4)];
    case 3:
      return [null, true, false, undefined][below(dice, 4)];
    case 4:
      return BigInt(randomInteger(dice)) ** BigInt(below(dice, 9));
    case 5:
      return new Uint8Array(list(() => below(dice, 256)) as number[]);
    case 6:
      return new Date(below(dice, 2 ** 43));
    case 7:
      return new RemoteError(randomText(dice), randomText(dice), randomText(dice));
    case 8:
    case 9:
      return new SenderReference(below(dice, 2 ** 32), below(dice, 2 ** 32));
    case 10:
      return 2 ** (53 + below(dice, 20)) * (1 + dice());
    case 11:
    case 12:
      return randomText(dice);
    case 13:
    case 14:
      return list(inner);
    case 15:
      return new Set(list(() => randomKey(dice)));
    case 16:
      return new Map(list(() => [randomKey(dice), inner()]) as [unknown, unknown][]);
    default:
      return Object.fromEntries(list(() => [randomText(dice), inner()]) as [string, unknown][]);
  }
}

/** So many bytes that are not the same everywhere. */
export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = at * 31 + (at >> 8) + size;
  return bytes;
}
