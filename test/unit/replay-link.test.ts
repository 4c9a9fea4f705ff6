/**
 * What is sent before it is known which child serves a context: to the first at once, and to the
 * next again.
 */
import { expect, test } from "bun:test";
import type { Link, Withdraw } from "../../src/mux/link.ts";
import { ReplayLink } from "../../src/mux/replay-link.ts";

function envelope(handle: number) {
  return { dst: 1, src: 0, auth: 0, handle, reply: 0, flags: 0 };
}

function link(progress: ReturnType<Withdraw> = "sent") {
  const handles: number[] = [];
  const self: Link = {
    send: (to) => {
      handles.push(to.handle);
      return () => progress;
    },
    heardAt: 0,
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
  };
  return { self, handles };
}

const body = [new Uint8Array(10)];

test("the child that takes over hears all of it, in order", () => {
  const [first, second] = [link(), link()];
  const held = new ReplayLink();
  held.lead(first.self);
  held.send(envelope(1), body);
  held.send(envelope(2), body);
  expect(held.bytes).toBe(20);
  held.lead(undefined);
  held.send(envelope(3), body);
  held.lead(second.self);
  expect(first.handles).toEqual([1, 2]);
  expect(second.handles).toEqual([1, 2, 3]);
});

test("when it is settled, nothing is remembered", () => {
  const [first, second] = [link(), link()];
  const held = new ReplayLink();
  held.lead(first.self);
  held.send(envelope(1), body);
  held.settle();
  held.send(envelope(2), body);
  expect(held.bytes).toBe(0);
  held.lead(second.self);
  expect(first.handles).toEqual([1, 2]);
  expect(second.handles).toEqual([]);
});

test("while no child has it, all of it can be taken back", () => {
  const [first, second] = [link("sent"), link()];
  const held = new ReplayLink();
  held.lead(first.self);
  const withdraw = held.send(envelope(1), body);
  expect(withdraw()).toBe("sent");
  held.lead(undefined);
  expect(withdraw()).toBe("withdrawn");
  expect(held.send(envelope(2), body)()).toBe("withdrawn");
  held.send(envelope(3), body);
  held.lead(second.self);
  expect(second.handles).toEqual([3]);
  expect(held.bytes).toBe(10);
});
