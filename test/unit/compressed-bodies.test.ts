/** Bodies that are compressed once for many contexts. */
import { expect, test } from "bun:test";
import { inflateSync } from "node:zlib";
import { CompressedBodies } from "../../src/modules/compressed-bodies.ts";

const body = (text: string): Uint8Array => new TextEncoder().encode(text.repeat(1000));

test("equal bodies are compressed once, others each", () => {
  const bodies = new CompressedBodies();
  const first = bodies.of(body("a module\n"));
  expect(bodies.of(body("a module\n"))).toBe(first);
  const other = bodies.of(body("b module\n"));
  expect(other).not.toBe(first);
  expect(inflateSync(other).toString()).toBe("b module\n".repeat(1000));
  expect(bodies.of(body("a module\n"))).toBe(first);
});

test("what is kept has a bound: the oldest make room, and what is too large is not kept", () => {
  const bodies = new CompressedBodies();
  const large = (letter: string) => new TextEncoder().encode(letter.repeat(600_000));
  const first = bodies.of(large("a"));
  const second = bodies.of(large("b"));
  expect(bodies.of(large("b"))).toBe(second);
  expect(bodies.of(large("a"))).not.toBe(first);
  const huge = new TextEncoder().encode("c".repeat(2_000_000));
  expect(bodies.of(huge)).not.toBe(bodies.of(huge));
});

test("a body with a name is made once, and makes room for later ones like the others", () => {
  const bodies = new CompressedBodies();
  const made: string[] = [];
  const named = (name: string): Uint8Array =>
    bodies.named(name, () => {
      made.push(name);
      return body(name);
    });
  const first = named("a");
  expect(named("a")).toBe(first);
  expect(named("b")).not.toBe(first);
  expect(inflateSync(first).toString()).toBe("a".repeat(1000));
  expect(made).toEqual(["a", "b"]);
  for (const letter of "cd") bodies.of(new TextEncoder().encode(letter.repeat(700_000)));
  named("a");
  expect(made).toEqual(["a", "b", "a"]);
});
