/** What is asked for with `kind` and paths, whose a function's name is, and what is refused. */
import { describe, expect, test } from "bun:test";
import {
  checkLanguage,
  type KindOptions,
  languageOf,
  languageOfName,
  readKind,
  wantsOf,
} from "../../src/interpreters/kind.ts";

describe("options", () => {
  const asked: readonly (readonly [KindOptions, ReturnType<typeof readKind>])[] = [
    [{}, undefined],
    [{ kind: "bun" }, { kind: "bun", path: undefined }],
    [{ node: "/opt/node" }, { kind: "node", path: "/opt/node" }],
    [
      { kind: "python", python: "python3.9" },
      { kind: "python", path: "python3.9" },
    ],
    // Options for many hosts: the kind says which path is meant.
    [
      { kind: "node", node: "n", bun: "b" },
      { kind: "node", path: "n" },
    ],
  ];
  test.each(asked)("%j", (options, interpreter) => {
    expect(readKind(options)).toEqual(interpreter);
  });

  const wrong: readonly (readonly [unknown, string])[] = [
    [{ kind: "perl" }, 'no such kind: "perl"'],
    [{ kind: "" }, "no such kind"],
    [{ python: "" }, "the path of python is empty"],
    [{ python: "p", node: "n" }, "python and node"],
    [{ kind: "bun", node: "n" }, "the kind is bun"],
  ];
  test.each(wrong)("%j is refused", (options, said) => {
    const read = () => readKind(options as KindOptions);
    expect(read).toThrow(expect.objectContaining({ code: "ERR_USAGE_KIND" }));
    expect(read).toThrow(said);
  });
});

test.each([
  ["os.getpid", undefined, "python"],
  ["len", undefined, "python"],
  ["Math.max", undefined, "python"],
  ["pkg.mod:Class.method", "python", "python"],
  ["node:os.hostname", "javascript", "javascript"],
  ["node:fs/promises.readFile", "javascript", "javascript"],
  ["/srv/a:b/tasks.ts:fn", "javascript", "javascript"],
  ["econtext.commands:run", undefined, "any"],
] as const)("%s", (name, language, wants) => {
  expect(languageOfName(name)).toBe(language);
  expect(wantsOf(name)).toBe(wants);
});

test("a context refuses what another language has, and says what to ask for", () => {
  const refused = (its: "python" | "javascript", language: "python" | "javascript") => () =>
    checkLanguage("web1", its, { name: "install", language });
  expect(refused("python", "python")).not.toThrow();
  expect(() => checkLanguage("web1", "python", { name: "Math.max" })).not.toThrow();
  const error = { code: "ERR_USAGE_LANGUAGE", exitStatus: 2 };
  expect(refused("python", "javascript")).toThrow(expect.objectContaining(error));
  expect(refused("python", "javascript")).toThrow(
    'web1 is already a Python context, and install is a JavaScript function: open a second connection for it: connect("web1", { kind: "node" }), or "bun"',
  );
  expect(refused(languageOf("bun"), "python")).toThrow('connect("web1", { kind: "python" })');
});
