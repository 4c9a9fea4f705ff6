/** Secrets show nothing, and are overwritten. */
import { expect, test } from "bun:test";
import { inspect } from "node:util";
import { Secret } from "../../src/prompts/secret.ts";
import { readDescriptor } from "../../src/prompts/sources.ts";

test("no way to print a secret shows it", () => {
  const secret = Secret.of("hunter2");
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    Bun.inspect({ secret }),
    Object.values(secret).join(),
    JSON.stringify(Object.getOwnPropertyNames(secret)),
  ];
  for (const text of shown) expect(text).not.toContain("hunter2");
});

test("a line of a secret is the caller's, and wiping leaves zeros", () => {
  const bytes = Buffer.from("hunter2");
  const secret = new Secret(bytes);
  const line = secret.line();
  secret.wipe();
  expect(Buffer.from(line).toString()).toBe("hunter2\n");
  expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 0]);
});

test("the first line of an output is the secret, and the output is overwritten", () => {
  for (const end of ["", "\n", "\r\n", "\nmore\n"]) {
    const bytes = Buffer.from(`pass word${end}`);
    expect(Secret.ofFirstLine(bytes).equals(Secret.of("pass word"))).toBe(true);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  }
});

test("a descriptor is read to the end of the line, and no further", async () => {
  const child = Bun.spawn(
    [
      process.execPath,
      "-e",
      `
      const { readDescriptor } = await import(${JSON.stringify(import.meta.resolve("../../src/prompts/sources.ts"))});
      const secret = await readDescriptor(0);
      process.stdout.write(secret.line());
      process.stdout.write(await Bun.stdin.text());
    `,
    ],
    { stdio: [Buffer.from("hunter2\nthe rest"), "pipe", "inherit"] },
  );
  expect(await child.stdout.text()).toBe("hunter2\nthe rest");
  expect(await child.exited).toBe(0);
});

test("a descriptor that is closed is an error", async () => {
  await expect(readDescriptor(999)).rejects.toMatchObject({ code: "ERR_USAGE_PASSWORD" });
});
