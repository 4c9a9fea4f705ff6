/** The line that shows how far copies are. */
import { expect, test } from "bun:test";
import { ProgressLine } from "../../src/cli/ui/copy-progress.ts";
import { ProgressSum } from "../../src/cli/ui/progress-sum.ts";
import { StatusLine } from "../../src/cli/ui/status-line.ts";

class Page {
  text = "";
  columns = 80;
  write(text: string): void {
    this.text += text;
  }
}

const NOTHING = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };

test("several copies are shown as one: the sum of all", () => {
  const screen = new Page();
  const line = new ProgressLine(screen);
  const sum = new ProgressSum(line);
  sum.show("web1", { path: "a", files: 0, totalFiles: 1, bytes: 1024, totalBytes: 2048 });
  sum.show("web2", { path: "a", files: 0, totalFiles: 1, bytes: 0, totalBytes: 2048 });
  sum.show("web1", { path: "a", files: 1, totalFiles: 1, bytes: 2048, totalBytes: 2048 });
  line.stop();
  expect(screen.text).toContain("50% [");
  expect(screen.text).toContain("2.0 kB/4.1 kB");
  expect(screen.text).toContain(" 1/2");
  expect(screen.text).not.toContain("100%");
});

test("a copy that fails before its first byte shows no bar; an empty file does", () => {
  const screen = new Page();
  const line = new ProgressLine(screen);
  line.show(NOTHING);
  line.stop();
  expect(screen.text).toBe("");
  line.show({ ...NOTHING, path: "empty", files: 1, totalFiles: 1 });
  line.stop();
  expect(screen.text).toContain(" 1/1");
});

test("the line fits the terminal, and is erased before other output", () => {
  const screen = new Page();
  screen.columns = 20;
  const line = new StatusLine(screen);
  expect(line.erased()).toBe("");
  line.show("0123456789012345678901234567890");
  expect(screen.text).toBe("\r\x1b[K0123456789012345678");
  expect(line.erased()).toBe("\r\x1b[K");
  expect(line.erased()).toBe("");
  line.show("second");
  expect(screen.text).toEndWith("\r\x1b[Ksecond");
});

test("texts that follow fast are left out, but for the last", () => {
  const screen = new Page();
  const line = new StatusLine(screen);
  for (let i = 0; i < 1000; i += 1) line.show(`copy ${i}`);
  expect(screen.text).toContain("copy 0");
  expect(screen.text.split("copy").length).toBeLessThan(100);
  line.stop();
  expect(screen.text).toEndWith("copy 999\n");
});
