/** The full collections of a run that logs in to many hosts. */
import { expect, spyOn, test } from "bun:test";
import { countLogin } from "../../src/embedded-ssh/garbage.ts";

test("every 64th login is followed by a full collection", () => {
  const gc = spyOn(Bun, "gc").mockImplementation(() => {});
  try {
    for (let login = 0; login < 128; login++) countLogin();
    expect(gc.mock.calls).toEqual([[true], [true]]);
  } finally {
    gc.mockRestore();
  }
});
