/** Text for a terminal: bytes that are no UTF-8, and lines that are too long. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { distinct, utf8, visible } from "../../src/cli/ui/visible-bytes.ts";
import { wrap } from "../../src/cli/ui/wrap.ts";
import { neutralise } from "../../src/text.ts";

test("UTF-8 stays as it is; other bytes and control characters are escapes", () => {
  const rows: [bytes: Uint8Array, shown: string, compared: string][] = [
    [Buffer.from("größe €\n"), "größe €\n", "größe €\n"],
    [Buffer.from("gr\xf6\xdfe", "latin1"), "gr\\xf6\\xdfe", "gr\\xf6\\xdfe"],
    [Buffer.from("a\x1b[31m"), "a\\x1b[31m", "a\\x1b[31m"],
    [Buffer.from("C:\\x1b"), "C:\\x1b", "C:\\x1b"],
    [Buffer.from("C:\\x1b\x1b"), "C:\\x1b\\x1b", "C:\\\\x1b\\x1b"],
    [Buffer.from("\u0085"), "\\x85", "\\u0085"],
    [Buffer.from([0x85]), "\\x85", "\\x85"],
    // A surrogate, one that is too long, and one that ends too early.
    [
      Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0xaf, 0xe2, 0x82]),
      "\\xed\\xa0\\x80\\xc0\\xaf\\xe2\\x82",
      "\\xed\\xa0\\x80\\xc0\\xaf\\xe2\\x82",
    ],
  ];
  for (const [bytes, shown, compared] of rows) {
    expect(visible(bytes)).toBe(shown);
    expect(distinct(bytes)).toBe(compared);
  }
});

test("a byte is an escape exactly where a decoder refuses it", () => {
  const byte = fc.oneof(
    fc.constantFrom(97, 0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80),
    fc.integer({ min: 160, max: 255 }),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (some) => {
      const bytes = Uint8Array.from(some);
      // Control characters are escapes, too.
      const lenient = new TextDecoder().decode(bytes);
      fc.pre(neutralise(lenient) === lenient);
      const text = utf8(bytes);
      expect(visible(bytes).includes("\\")).toBe(text === undefined);
      const parts = visible(bytes)
        .split(/(\\x..)/)
        .map((part) =>
          part.startsWith("\\x") ? Buffer.from(part.slice(2), "hex") : Buffer.from(part),
        );
      if (text === undefined) expect(Buffer.concat(parts)).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 1000 },
  );
});

test("different bytes never look the same beside one another", () => {
  const byte = fc.constantFrom(
    ...Buffer.from("\\x8f5uab"),
    0x1b,
    0x85,
    0xc2,
    0xe2,
    0x80,
    0x8e,
    0xff,
  );
  const some = fc.array(byte, { maxLength: 8 }).map((bytes) => Uint8Array.from(bytes));
  // As in a diff: a line of each, in one text.
  const pair = (one: Uint8Array, other: Uint8Array) =>
    distinct(Buffer.concat([one, Buffer.from("\n"), other])).split("\n");
  fc.assert(
    fc.property(some, some, (one, other) => {
      const [first, second] = pair(one, other);
      expect(first === second).toBe(Buffer.compare(one, other) === 0);
    }),
    { numRuns: 2000 },
  );
});

test("a long line is broken between words, below its beginning", () => {
  const text = "web19: the host does not answer; it said: ssh: connect to host web19 port 22";
  expect(wrap(text, 40)).toBe(
    ["web19: the host does not answer; it", "  said: ssh: connect to host web19 port", "  22"].join(
      "\n",
    ),
  );
  expect(wrap("  try: a b c d e f g h i j k l m n", 24)).toBe(
    "  try: a b c d e f g h i\n    j k l m n",
  );
  expect(wrap("  name   some words of it and more", 24, 4)).toBe(
    "  name   some words of\n    it and more",
  );
  expect(wrap("short\nlines", 40)).toBe("short\nlines");
});

test("a word that no line holds is broken after commas, or left to the terminal", () => {
  const names = `3 failed: web[${Array.from({ length: 20 }, (_, at) => at * 3).join()}] (exit 7)`;
  const lines = wrap(names, 40).split("\n");
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.every((line) => line.length <= 40)).toBe(true);
  const bare = (text: string) => text.replace(/\s/g, "");
  expect(bare(lines.join(""))).toBe(bare(names));
  const whole = "x".repeat(50);
  expect(wrap(whole, 40)).toBe(whole);
  expect(wrap("some words that are too long", 10)).toBe("some words that are too long");
});

test("no character is lost or added but line ends and the spaces around them", () => {
  const word = fc.stringMatching(/^[a-z,ä漢]{1,30}$/);
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 30 }),
      fc.integer({ min: 22, max: 90 }),
      (all, width) => {
        const text = all.join(" ");
        const bare = (shown: string) => shown.replace(/\s+/g, "");
        expect(bare(wrap(text, width))).toBe(bare(text));
      },
    ),
  );
});
