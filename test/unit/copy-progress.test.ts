/** The line that shows how far copies are. */
import { expect, test } from "bun:test";
import { ProgressLine } from "../../src/cli/ui/copy-progress.ts";
import { ProgressSum } from "../../src/cli/ui/progress-sum.ts";

const NOTHING = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };

test("several copies are shown as one: the sum of all", () => {
  let screen = "";
  const line = new ProgressLine((text) => {
    screen += text;
  });
  const sum = new ProgressSum(line);
  sum.show("web1", { path: "a", files: 0, totalFiles: 1, bytes: 1024, totalBytes: 2048 });
  sum.show("web2", { path: "a", files: 0, totalFiles: 1, bytes: 0, totalBytes: 2048 });
  sum.show("web1", { path: "a", files: 1, totalFiles: 1, bytes: 2048, totalBytes: 2048 });
  line.stop();
  expect(screen).toContain("50% [");
  expect(screen).toContain("2.0 KiB/4.0 KiB");
  expect(screen).toContain(" 1/2");
  expect(screen).not.toContain("100%");
});

test("a copy that fails before its first byte shows no bar; an empty file does", () => {
  let screen = "";
  const line = new ProgressLine((text) => {
    screen += text;
  });
  line.show(NOTHING);
  line.stop();
  expect(screen).toBe("");
  line.show({ ...NOTHING, path: "empty", files: 1, totalFiles: 1 });
  line.stop();
  expect(screen).toContain(" 1/1");
});
