/** What is asked for with `kind` and paths, whose a function's name is, and what is refused. */
import { describe, expect, test } from "bun:test";
import { UsageError } from "../../src/errors.ts";
import {
  type KindOptions,
  lackingLanguage,
  languageOfName,
  otherLanguage,
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

test("the errors of a context that has no interpreter of a language", () => {
  const error = otherLanguage("web1", "python", "install", "javascript");
  expect([error.code, error.exitStatus]).toEqual(["ERR_USAGE_LANGUAGE", 2]);
  expect(error.message).toBe(
    "web1: install is a JavaScript function, and this context has one interpreter only, for Python, which was named by its path: connect without the path",
  );
  const cause = new UsageError("ERR_BOOTSTRAP_NO_INTERPRETER", "web1: none found\n  try: more");
  const lacking = lackingLanguage("web1", "javascript", cause);
  expect([lacking.code, lacking.exitStatus, lacking.cause]).toEqual([
    "ERR_USAGE_LANGUAGE",
    2,
    cause,
  ]);
  expect(lacking.message).toBe(
    "web1: there is no JavaScript for this function: none found\n  try: more",
  );
});
