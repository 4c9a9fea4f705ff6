/**
 * The modes of a terminal, by the numbers that ssh sends: RFC 4254, section 8. Linux; on other
 * systems none are known.
 */
import { terminalAttributes } from "../../io/libc.ts";

export type Mode = readonly [number: number, value: number];

const DISABLED = 255;
/** Offsets of the parts of `struct termios`. */
const INPUT = 0;
const OUTPUT = 4;
const LOCAL = 12;
const CHARACTERS = 17;

/**
 * Number and index in `c_cc`: intr, quit, erase, kill, eof, eol, eol2, start, stop, susp, rprnt,
 * werase, lnext, discard.
 */
const CONTROL: readonly Mode[] = [
  [1, 0],
  [2, 1],
  [3, 2],
  [4, 3],
  [5, 4],
  [6, 11],
  [7, 16],
  [8, 8],
  [9, 9],
  [10, 10],
  [12, 12],
  [13, 14],
  [14, 15],
  [18, 13],
];
/** The part, the number of its first flag, and the bits of this and the following flags. */
const FLAGS: readonly (readonly [part: number, first: number, bits: readonly number[]])[] = [
  // ignpar parmrk inpck istrip inlcr igncr icrnl iuclc ixon ixany ixoff imaxbel iutf8
  [
    INPUT,
    30,
    [4, 8, 0o20, 0o40, 0o100, 0o200, 0o400, 0o1000, 0o2000, 0o4000, 0o10000, 0o20000, 0o40000],
  ],
  // isig icanon xcase echo echoe echok echonl noflsh tostop iexten echoctl echoke
  [LOCAL, 50, [1, 2, 4, 8, 0o20, 0o40, 0o100, 0o200, 0o400, 0o100000, 0o1000, 0o4000]],
  // opost olcuc onlcr ocrnl onocr onlret
  [OUTPUT, 70, [1, 2, 4, 8, 0o20, 0o40]],
];

/** @param fd descriptor of the terminal. @returns an empty list if the modes are unknown */
export function terminalModes(fd: number): readonly Mode[] {
  const attributes = terminalAttributes(fd);
  if (attributes === undefined) return [];

  const characters = CONTROL.map(([number, at]): Mode => {
    const value = attributes.getUint8(CHARACTERS + at);
    return [number, value === 0 ? DISABLED : value];
  });
  const flags = FLAGS.flatMap(([part, first, bits]) => {
    const word = attributes.getUint32(part, true);
    return bits.map((bit, at): Mode => [first + at, (word & bit) === 0 ? 0 : 1]);
  });
  return [...characters, ...flags];
}
