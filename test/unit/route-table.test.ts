/** RouteTable: which link leads to a context, and which contexts go with one that is removed. */
import { expect, test } from "bun:test";
import type { Link } from "../../src/mux/link.ts";
import { type Route, RouteTable } from "../../src/mux/route-table.ts";

function makeLink(): Link {
  return {
    heardAt: 0,
    send: () => () => "sent",
    forget: () => {},
    limit: () => {},
    ready: () => Promise.resolve(),
  };
}

function route(link: Link, parent = 0): Route {
  return { link, parent, close: () => {} };
}

/** 1 is a bastion with 2 and 3 behind it, 4 is behind 3; 5 is a context beside them. */
function tree() {
  const [bastion, other] = [makeLink(), makeLink()];
  const table = new RouteTable();
  table.add(1, route(bastion));
  table.add(2, route(bastion, 1));
  table.add(3, route(bastion, 1));
  table.add(4, route(bastion, 3));
  table.add(5, route(other));
  return { table, bastion, other };
}

const ids = (removed: readonly (readonly [number, Route])[]) => removed.map(([id]) => id);

test("a link leads to its own context and to all behind that, and to no other", () => {
  const { table, bastion, other } = tree();
  const behind = (link: Link) => [1, 2, 3, 4, 5, 6].filter((id) => table.isBehind(link, id));
  expect(behind(bastion)).toEqual([1, 2, 3, 4]);
  expect(behind(other)).toEqual([5]);
  expect(behind(makeLink())).toEqual([]);
  expect(table.linkOf(4)).toBe(bastion);
  expect(table.linkOf(6)).toBeUndefined();
  expect([table.endOf(bastion), table.endOf(other), table.endOf(makeLink())]).toEqual([
    1,
    5,
    undefined,
  ]);
});

test("a context takes its subtree with it, leaves first", () => {
  const { table, bastion, other } = tree();
  expect(ids(table.remove(1))).toEqual([2, 4, 3, 1]);
  expect([1, 2, 3, 4].map((id) => table.linkOf(id))).toEqual(Array(4).fill(undefined));
  expect(table.endOf(bastion)).toBeUndefined();
  expect(table.linkOf(5)).toBe(other);
  expect(table.remove(1)).toEqual([]);
});

test("a leaf goes alone, and its link stays", () => {
  const { table, bastion } = tree();
  expect(ids(table.remove(4))).toEqual([4]);
  expect(ids(table.remove(3))).toEqual([3]);
  expect([table.linkOf(1), table.endOf(bastion)]).toEqual([bastion, 1]);
  expect(ids(table.remove(1))).toEqual([2, 1]);
});

test("a context that gets another route is not behind its old one any more", () => {
  const { table, bastion, other } = tree();
  const next = makeLink();
  table.add(1, route(next));
  expect([table.isBehind(bastion, 1), table.isBehind(next, 1)]).toEqual([false, true]);
  expect([table.endOf(bastion), table.endOf(next)]).toEqual([undefined, 1]);
  table.add(4, route(other, 5));
  expect(ids(table.remove(3))).toEqual([3]);
  expect(ids(table.remove(5))).toEqual([4, 5]);
});
