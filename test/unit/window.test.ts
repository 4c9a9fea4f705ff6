import { expect, test } from "bun:test";
import fc from "fast-check";
import { Credit, costOf, Window } from "../../src/channels/window.ts";
import { LIMITS } from "../../src/protocol/limits.ts";

const BOUNDS = { windowBytes: 1000, maxWindowBytes: 8000 };

test("a value counts its header too", () => {
  expect(costOf(0)).toBe(24);
  expect(costOf(1000)).toBe(1024);
});

test("whatever is sent and taken when: nothing is sent without credit, and no sender waits for ever", () => {
  const sizes = fc.array(fc.integer({ min: 24, max: 3000 }), { minLength: 1, maxLength: 300 });
  const turns = fc.infiniteStream(fc.boolean());
  fc.assert(
    fc.property(sizes, turns, (costs, sends) => {
      const [window, credit] = [new Window(BOUNDS), new Credit(BOUNDS)];
      const queue: number[] = [];
      let sent = 0;
      let taken = 0;
      while (taken < costs.length) {
        const cost = costs[sent];
        const wantsToSend = sends.next().value === true;
        if (cost !== undefined && credit.isOpen && (wantsToSend || queue.length === 0)) {
          credit.spend(cost);
          expect(window.arrive(cost)).toBe(true);
          queue.push(cost);
          sent++;
        } else {
          const first = queue.shift();
          // The sender waits only while something can still be taken.
          expect(first).toBeDefined();
          credit.add(window.take(first ?? 0));
          taken++;
        }
        expect(window.waiting).toBe(queue.reduce((sum, n) => sum + n, 0));
        expect(window.waiting).toBeLessThan(BOUNDS.maxWindowBytes + 3000);
      }
    }),
  );
});

test("a window grows while its receiver keeps up, and to its maximum only", () => {
  const window = new Window(BOUNDS);
  let credit = 0;
  for (let granted = BOUNDS.windowBytes; credit < 8000; granted = credit) {
    window.arrive(granted);
    credit = window.take(granted);
    expect(credit).toBe(Math.min(granted * 2, 8000));
  }
  window.arrive(8000);
  expect(window.take(8000)).toBe(8000);
});

test("it grows for small values, too, of which some are always under way", () => {
  const window = new Window(BOUNDS);
  const grants: number[] = [];
  for (let i = 0; i < 1000; i++) {
    window.arrive(100);
    const credit = window.take(100);
    if (credit > 0) grants.push(credit);
  }
  expect(Math.max(...grants.slice(-3))).toBeGreaterThanOrEqual(BOUNDS.maxWindowBytes / 2);
});

test("a slow receiver's window stays as it is", () => {
  const window = new Window(BOUNDS);
  let granted = BOUNDS.windowBytes;
  for (let i = 0; i < 100; i++) {
    for (; granted > 0; granted -= 100) window.arrive(100);
    // There is always something left that it has not taken.
    for (let taken = 0; taken < 5; taken++) granted += window.take(100);
    expect(window.waiting).toBeGreaterThan(0);
    expect(window.waiting + granted).toBeLessThanOrEqual(BOUNDS.windowBytes);
  }
});

test("who sends more than it was granted is found out", () => {
  const window = new Window();
  expect(window.arrive(LIMITS.windowBytes - 1)).toBe(true);
  // One more value may go beyond.
  expect(window.arrive(10_000_000)).toBe(true);
  expect(window.arrive(1)).toBe(false);
});

test("a wide window is as large as any from the beginning, and no larger", () => {
  const window = new Window(BOUNDS, true);
  expect(window.arrive(24)).toBe(true);
  expect(window.take(24)).toBe(0);
  expect(window.arrive(BOUNDS.maxWindowBytes - 24)).toBe(true);
  expect(window.arrive(1)).toBe(false);
});
