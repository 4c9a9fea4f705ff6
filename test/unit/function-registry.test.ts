/** What a call sends for a function of the program, by how the function is known. */
import { expect, test } from "bun:test";
import { describeFunction } from "../../src/functions/describe-function.ts";
import {
  functionName,
  registerFunction,
  registerLate,
  registerModule,
  registerSource,
} from "../../src/functions/registry.ts";

type Members = Readonly<Record<string, () => unknown>>;
const register = (name: string, members: Members, source = "") =>
  registerModule({ name, source, extension: ".js", members });

test("a member is described by its module once it has a value", () => {
  let value: (() => number) | undefined;
  register("/app/late.js", {
    early: () => 1,
    late: () => {
      if (value === undefined) throw new ReferenceError("late is not initialised");
      return value;
    },
  });
  const late = () => 2;
  expect(describeFunction(late)).toMatchObject({ function: ["", "() => 2"] });
  value = late;
  expect(describeFunction(late)).toEqual({
    language: "javascript",
    function: "/app/late.js:late",
    module: "/app/late.js",
  });
  expect(functionName(late)).toBe("late");
});

test("a static method is described by its class, and the class itself is refused", () => {
  class Service {
    static start(): number {
      return 1;
    }
    stop(): number {
      return 2;
    }
  }
  register("/app/service.js", { Service: () => Service });
  const { start } = Service;
  expect(describeFunction(start).function).toBe("/app/service.js:Service.start");
  expect(() => describeFunction(Service as never)).toThrow("is a class; pass one of its static");
});

test("the first name of a function stays", () => {
  const fn = () => 3;
  register("/app/first.js", { one: () => fn });
  expect(describeFunction(fn).function).toBe("/app/first.js:one");
  register("/app/second.js", { two: () => fn });
  expect(describeFunction(fn).function).toBe("/app/first.js:one");
});

test("a Python function is named by its file, in the letters of a Python module's name", () => {
  const fn = () => 4;
  registerFunction(fn, {
    language: "python",
    module: "pkg/über.mod",
    path: "Class.go",
    root: "/home/a.b",
  });
  const described = describeFunction(fn);
  expect(described).toMatchObject({ language: "python", root: "/home/a.b" });
  const name = described.function as string;
  const [, encoded = ""] = /^econtext\.own\.([\w%]+):Class\.go$/.exec(name) ?? [];
  expect(decodeURIComponent(encoded)).toBe("/home/a.b//pkg/über.mod");
  expect(describeFunction(fn)).toBe(described);
});

test("modules that were loaded late are registered before a function is refused", () => {
  const make = (local: number) => () => local;
  const fn = make(5);
  let asked = 0;
  registerLate(() => {
    if (asked++ > 0) return false;
    register("/app/dynamic.js", { fn: () => fn });
    return true;
  });
  try {
    expect(describeFunction(fn).function).toBe("/app/dynamic.js:fn");
    expect(() => describeFunction(make(6))).toThrow("closes over local");
    expect(asked).toBe(2);
  } finally {
    registerLate(() => false);
  }
});

test("a function that was typed at a prompt is sent as the prompt says", () => {
  const typed = () => 7;
  registerSource((fn) => (fn === typed ? "(() => 7)" : undefined));
  try {
    expect(describeFunction(typed).function).toEqual(["", "(() => 7)"]);
    expect(describeFunction(() => 8).function).toEqual(["", "() => 8"]);
  } finally {
    registerSource(() => undefined);
  }
});

test("a function of the runtime goes by its name, but one that the program added does not", () => {
  expect(describeFunction(JSON.parse).function).toBe("JSON.parse");
  const globals = globalThis as { added?: () => number };
  globals.added = () => 9;
  try {
    expect(describeFunction(globals.added).function).toEqual(["", "() => 9"]);
  } finally {
    delete globals.added;
  }
});
