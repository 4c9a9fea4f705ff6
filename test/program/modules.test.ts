/**
 * Modules of a program that are not in its own folder: aliases, linked packages of a workspace, and
 * roots that are added.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runEcontext } from "../helpers/run-econtext.ts";

let base = "";

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "econtext-modules-")));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

type Tree = Readonly<Record<string, string>>;

/** @param tree texts by path; what begins with `->` is a link */
function plant(name: string, tree: Tree): string {
  const folder = join(base, name);
  for (const [path, text] of Object.entries(tree)) {
    const at = join(folder, path);
    mkdirSync(dirname(at), { recursive: true });
    if (text.startsWith("->")) symlinkSync(text.slice(2), at);
    else writeFileSync(at, text);
  }
  return folder;
}

const KIND = `{ bun: ${JSON.stringify(process.execPath)} }`;
const program = (imports: string, expression: string) => `import { run } from "econtext";
${imports}
function task(text: string) { return ${expression}; }
run(async (broker) => {
  const far = await broker.connect("local", ${KIND});
  console.log(task("here"), await far.call(task, "there"));
});
`;
const UP = "export const up = (text: string): string => text.toUpperCase();\n";

test.concurrent("aliases of tsconfig.json, extended, and baseUrl alone", async () => {
  const folder = plant("aliases", {
    "package.json": '{"type":"module"}',
    "tsconfig.json":
      '{"extends":"./config/base.json", /* more */ "compilerOptions":{"strict":true}}',
    "config/base.json":
      '{"compilerOptions":{"baseUrl":"..","paths":{"@lib/*":["src/lib/*"],"#up":["src/lib/text"]}}}',
    "src/lib/text.ts": `${UP}export { low } from "@lib/low.js";\n`,
    "src/lib/low.ts": "export const low = (text: string) => text.toLowerCase();\n",
    "src/main.ts": program(
      'import { low } from "@lib/text";\nimport { up } from "#up";\nimport * as plain from "src/lib/low";',
      "up(text) + low(text) + plain.low(text)",
    ),
  });
  const told = await runEcontext(folder, "src/main.ts");
  expect(told).toEqual({ stdout: "HEREherehere THEREtherethere\n", stderr: "", status: 0 });
});

/** What all of them have: `cli` uses `greet`, which uses `util` and a package of the registry. */
const PACKAGES: Tree = {
  "packages/greet/package.json":
    '{"name":"@acme/greet","type":"module","exports":"./src/index.ts"}',
  "packages/greet/src/index.ts":
    'import { util } from "util-of-acme";\nimport dep from "dep";\nexport const greet = (name: string) => util(name) + dep;\n',
  "packages/greet/src/tasks.py": "def hello(name):\n    return 'py ' + name\n",
  "packages/util/package.json": '{"name":"util-of-acme","main":"lib"}',
  "packages/util/lib/index.ts": 'export const util = (text: string): string => "hi " + text;\n',
  "apps/cli/package.json": '{"name":"cli","type":"module"}',
  "apps/cli/main.ts": program('import { greet } from "@acme/greet";', "greet(text)"),
  "apps/cli/direct.ts": `import { run } from "econtext";
import { greet } from "@acme/greet";
import * as tasks from "../../packages/greet/src/tasks.py";
run(async (broker) => {
  const far = await broker.connect("local", ${KIND});
  const python = await broker.connect("local", { kind: "python" });
  console.log(await far.call(greet, "you"), await python.call(tasks.hello, "you"));
});
`,
};
const DEP = {
  "package.json": '{"name":"dep","version":"1.0.0"}',
  "index.js": 'module.exports="!";',
};
const below = (folder: string, tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).map(([path, text]) => [`${folder}/${path}`, text]));

const WORKSPACES: readonly (readonly [string, Tree])[] = [
  [
    "npm, yarn, bun",
    {
      ...PACKAGES,
      "package.json": '{"private":true,"workspaces":["packages/*","apps/*"]}',
      "node_modules/@acme/greet": "->../../packages/greet",
      "node_modules/util-of-acme": "->../packages/util",
      ...below("node_modules/dep", DEP),
    },
  ],
  [
    "pnpm",
    {
      ...PACKAGES,
      "package.json": '{"private":true}',
      "pnpm-workspace.yaml": "packages: ['packages/*', 'apps/*']\n",
      "apps/cli/node_modules/@acme/greet": "->../../../../packages/greet",
      "packages/greet/node_modules/util-of-acme": "->../../util",
      "packages/greet/node_modules/dep": "->../../../node_modules/.pnpm/dep@1.0.0/node_modules/dep",
      ...below("node_modules/.pnpm/dep@1.0.0/node_modules/dep", DEP),
    },
  ],
  [
    "aliases into other packages of a checkout",
    {
      ...PACKAGES,
      ".git/HEAD": "",
      "tsconfig.json":
        '{"compilerOptions":{"paths":{"@acme/greet":["./packages/greet/src/index.ts"],"util-of-acme":["./packages/util/lib"]}}}',
      ...below("node_modules/dep", DEP),
    },
  ],
];

test.concurrent.each(WORKSPACES)("packages of one repository: %s", async (name, tree) => {
  const folder = plant(name.replaceAll(/\W+/g, "-"), tree);
  const told = await runEcontext(folder, "apps/cli/main.ts");
  expect(told).toEqual({ stdout: "hi here! hi there!\n", stderr: "", status: 0 });
  const direct = await runEcontext(join(folder, "apps/cli"), "direct.ts");
  expect(direct).toEqual({ stdout: "hi you! py you\n", stderr: "", status: 0 });
  const call = ["call", "--bun", process.execPath, "local", "apps/cli/main.ts:task", "you"];
  expect(await runEcontext(folder, ...call)).toMatchObject({ stdout: "hi you!\n" });
});

test.concurrent("what is linked from another repository stays outside; roots take it in", async () => {
  plant("foreign", {
    "package.json": '{"name":"foreign","type":"module"}',
    "index.js": UP.replace(/: string/g, ""),
  });
  const folder = plant("linking", {
    "package.json": '{"private":true,"workspaces":["apps/*"]}',
    "node_modules/foreign": "->../../foreign",
    "main.ts": program('import { up } from "foreign";', "up(text)"),
    "wide.ts": program('import { up } from "foreign";', "up(text)").replace(
      /\}\);\n$/,
      '}, { roots: ["../foreign"] });\n',
    ),
    "late.ts":
      'import { connect, run } from "econtext";\nconnect("local");\nrun(() => {}, { roots: ["."] });\n',
    "none.ts": 'import { run } from "econtext";\nrun(() => {}, { roots: ["none"] });\n',
  });
  const refused = await runEcontext(folder, "main.ts");
  expect(refused.stderr).toContain("outside of the folders");
  expect(refused.status).toBe(1);
  const taken = { stdout: "HERE THERE\n", stderr: "", status: 0 };
  expect(await runEcontext(folder, "--roots", "../foreign", "main.ts")).toEqual(taken);
  expect(await runEcontext(base, "linking/wide.ts")).toEqual(taken);
  const late = await runEcontext(folder, "late.ts");
  expect(late.stderr).toStartWith("run: give roots before the first connect");
  expect(late.stderr).toContain("late.ts:3:");
  const none = await runEcontext(folder, "none.ts");
  expect([none.stderr.split("\n")[0], none.status]).toEqual([
    `run: not a folder: ${folder}/none`,
    2,
  ]);
});

test.concurrent("options in front of a program are those of each connect", async () => {
  const folder = plant("options", {
    "main.ts": `import { run } from "econtext";
run(async (broker) => {
  const first = await broker.connect("local");
  const second = await broker.connect("local", { kind: "python" });
  console.log((await first.ready()).kind, (await second.ready()).kind, process.argv.slice(2).join());
  const third = await broker.connect("nowhere", { ssh: { options: ["-p", "22"] } });
  const { report } = await third.call("os.getpid").catch((error) => error);
  console.log(report.argv.slice(0, report.argv.indexOf("-T")).join(" "));
  await second.call("logging.warning", "hidden");
});
`,
  });
  const options = [
    "--bun",
    process.execPath,
    "-oUser=u",
    "--ssh",
    "/bin/false",
    "--log-level",
    "error",
  ];
  const told = await runEcontext(
    folder,
    ...options,
    "-F",
    "own.conf",
    "main.ts",
    "-x",
    "--kind",
    "z",
  );
  const [kinds, argv] = told.stdout.split("\n");
  expect(kinds).toBe("bun python -x,--kind,z");
  expect(argv).toMatch(/^\/bin\/false .*-p 22 -F own\.conf -o User=u$/);
  expect([told.stderr, told.status]).toEqual(["", 0]);
  for (const [args, problem] of [
    [["--kind", "node"], "a program is missing after --kind node"],
    [["--roots", "none", "main.ts"], "not a folder: --roots none"],
    [["--kind", "perl", "main.ts"], "--kind perl: must be python, node or bun"],
    [["-F", "x", "exec", "web1"], "a command's options follow it: econtext exec -F x web1"],
  ] as const) {
    const { stderr, status } = await runEcontext(folder, ...args);
    expect([stderr.includes(problem), status]).toEqual([true, 2]);
  }
});
