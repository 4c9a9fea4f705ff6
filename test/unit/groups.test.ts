/** Groups of targets: what they stand for, what is set for them, and their files in a project. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "../../src/broker/broker.ts";
import { readConfiguration } from "../../src/config/configuration.ts";
import { findConfiguration, tableOf } from "../../src/config/files.ts";
import { UsageError } from "../../src/errors.ts";
import { runGroupCommand } from "../../src/sets/group-command.ts";
import { parsePath } from "../../src/tree/target-path.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-groups-"));
  writeFileSync(join(folder, "hosts.txt"), "web[1-2]  # the old ones\n\n# none\n@db\n");
  writeFileSync(join(folder, "made.txt"), "@made,y\n");
  writeFileSync(join(folder, "loop.txt"), "@loop.txt\n");
  writeFileSync(join(folder, "wrong.txt"), "a\nb[\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** @param text an `econtext.toml` */
function tableFrom(text: string) {
  const configuration = readConfiguration(join(folder, "econtext.toml"), text);
  return tableOf(configuration, { folder, env: { PATH: process.env["PATH"], WHO: "me" } });
}

async function namesOf(text: string, set: string): Promise<string> {
  return (await tableFrom(text).groups.expand(set)).join(" ");
}

async function refusalOf(text: string, set: string): Promise<string> {
  const names = namesOf(text, set);
  const error: unknown = await names.catch((problem: unknown) => problem);
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message;
}

const GROUPS = `
[groups]
web = "web[1-3]"
db = ["db1", "db[2-3]"]
both = "@web,@db!db2"
[groups.made]
command = "echo web1; printf 'x[1-2]\\n# no\\n@db # yes\\n'; echo $WHO"
[groups.here]
command = "ls *.txt | sed 's/.txt//'"
[groups.old]
targets = "@hosts.txt"
`;

describe("what groups stand for", () => {
  test.each([
    ["@web", "web1 web2 web3"],
    ["@db", "db1 db2 db3"],
    ["@both", "web1 web2 web3 db1 db3"],
    [
      "bastion/@web/sudo:root!bastion/web2/sudo:root",
      "bastion/web1/sudo:root bastion/web3/sudo:root",
    ],
    ["@{web,db}&*1", "web1 db1"],
    ["@made", "web1 x1 x2 db1 db2 db3 me"],
    ["@here", "hosts loop made wrong"],
    ["@made.txt!@db", "web1 x1 x2 me y"],
    ["@hosts.txt", "web1 web2 db1 db2 db3"],
    ["@./hosts.txt!@db", "web1 web2"],
    ["@old", "web1 web2 db1 db2 db3"],
    ["x,@*&x", "x"],
    ["web*", "web1 web2 web3"],
  ])("%s", async (set, names) => {
    const text = set.includes("*") ? GROUPS.replace(/\[groups\.here\][^[]*/, "") : GROUPS;
    expect(await namesOf(text, set)).toBe(names);
  });

  test("@* and @all are the hosts of the file, and the targets of its groups", async () => {
    const text = '[groups]\nweb = "web[1-2]"\n[targets."sudo:root"]\n[targets.db]\nkind = "node"\n';
    expect(await namesOf(text, "@*")).toBe("db web1 web2");
    expect(await namesOf(text, "@all")).toBe("db web1 web2");
    const most = `most = "@*!web1"\n`;
    expect(await namesOf(`[groups]\n${most}web = "web[1-2]"`, "@most,@*")).toBe("web2 web1");
    expect(await namesOf(`${text}[groups.all]\ntargets = "x"`, "@all")).toBe("x");
  });

  test("the command of a group runs once, and only if the group is used", async () => {
    const text = `[groups.a]\ncommand = "echo run >> ran; echo a"\n[groups]\nb = "@a,b"\n`;
    const { groups } = tableFrom(text);
    await groups.expand("x");
    expect(await Bun.file(join(folder, "ran")).exists()).toBe(false);
    expect(await groups.expand("@b,@a")).toEqual(["a", "b"]);
    await groups.expand("@a");
    expect(await Bun.file(join(folder, "ran")).text()).toBe("run\n");
    expect(() => tableFrom(text).groups.expandNow("@b")).toThrow('broker.expand("@a")');
  });
});

describe("what is wrong is told where it is used", () => {
  test.each([
    ["@wbe", 'no group "wbe" in econtext.toml, and no file "wbe"', "did you mean @web?"],
    [
      "@nothing/x",
      'no group "nothing" in econtext.toml, and no file "nothing/x"',
      "there are @web",
    ],
    ["@./no.txt", 'there is no file "./no.txt"', ""],
    ["@a", "econtext.toml: groups.a: a group cannot contain itself: @a → @b → @a", ""],
    ["@wrong.txt", "wrong.txt:2: not a set of targets: the bracket is not closed", '"b["'],
    ["@loop.txt", "loop.txt: a file of targets names itself", ""],
    ["@set", "econtext.toml: groups.set: not a set of targets: the bracket is not closed", ""],
    ["@fails", "econtext.toml: groups.fails: ", "it ended with status 3\n  no route\n  to it"],
    ["@through", "econtext.toml: groups.fails: ", "no route\n  to it"],
    ["@prints", "groups.prints: line 2 of what its command printed: not a set", ""],
    ["@option", "econtext.toml: groups.option.usr: no such key; there are targets, command", ""],
    ["@typo", "groups.typo.target: no such key; there are targets, command", ""],
    ["@neither", "groups.neither: needed: targets or command", ""],
    ["@two", "groups.two: needed: one of targets or command", ""],
    ["@number", "groups.number: expected a text, not 3", ""],
  ])("%s", async (set, problem, hint) => {
    const text = `[groups]
web = "web1"
a = "@b"
b = "@a"
set = "x["
through = "a,@fails"
number = 3
typo = { target = "a" }
fails = { command = "echo 'no route\\nto it' >&2; exit 3" }
prints = { command = "echo a; echo b[" }
option = { targets = "o1", usr = "x" }
neither = { kind = "node" }
two = { targets = "a", command = "b" }
`;
    const message = await refusalOf(text, set);
    expect(message).toContain(problem);
    expect(message).toContain(hint);
  });

  test("a group's name, and a set among the targets, are errors of the file", () => {
    expect(() => readConfiguration("a.toml", '[groups]\n"a b" = "x"\n')).not.toThrow();
    expect(() => readConfiguration("a.toml", '[targets."web[1"]\n')).toThrow(
      'a.toml: targets."web[1": not a set of targets',
    );
  });

  test("a target is not used without the settings of a group that has a wrong one", () => {
    const targets = tableFrom('[groups.a]\ntargets = "o[1-2]"\nusr = "x"\n');
    expect(() => parsePath("o2", { targets })).toThrow("groups.a.usr: no such key");
    expect(parsePath("o3", { targets })).toHaveLength(1);
  });

  test("a command that does not end is ended, and what it said is shown", async () => {
    const run = runGroupCommand("echo waiting >&2; sleep 100", { env: process.env }, 1000);
    await expect(run).rejects.toThrow("it has not ended within 1 s\n  waiting");
  });
});

describe("settings", () => {
  const SETTINGS = `
[groups.web]
targets = "web[1-3]"
user = "deploy"
kind = "node"
ssh_options = ["-p", "2222"]
env = { ROLE = "web", SITE = "a" }
[groups.app]
targets = "app[1-2]"
path = "bastion/{name}/podman:{name}"
python = "/opt/python"
[groups.far]
targets = "@web&web3"
path = "bastion/{name}"
[groups.cloud]
command = "echo c1"
user = "cloud"
[targets.web1]
user = "root"
ssh_options = ["-4"]
[targets.web1.env]
SITE = "b"
[targets."web[2-3]"]
python = "/opt/python"
`;
  const stepsOf = (path: string) => parsePath(path, { targets: tableFrom(SETTINGS) });
  const last = (path: string) => stepsOf(path).at(-1);

  test("a target's own take precedence over those of sets, and these over groups", () => {
    expect(last("web1")?.env).toEqual({ ROLE: "web", SITE: "b" });
    expect(last("web1")?.transport.wrap(["x"])).toEqual(
      expect.arrayContaining(["root", "-4", "-p", "2222"]),
    );
    expect(last("web1")?.interpreter).toEqual({ kind: "node" });
    expect(last("web2")?.interpreter).toEqual({ python: "/opt/python" });
    expect(last("web2")?.transport.wrap(["x"])).toContain("deploy");
    expect(last("x/web2")?.env).toEqual({ ROLE: "web", SITE: "a" });
    expect(last("web4")?.env).toBeUndefined();
  });

  test("a path is for each target of a group; the other settings are for its last word", () => {
    const labels = (path: string) => stepsOf(path).map(({ transport }) => transport.label);
    expect(labels("app2")).toEqual(["bastion", "app2", "podman:app2"]);
    expect(last("app2")?.interpreter).toEqual({ python: "/opt/python" });
    expect(labels("web3")).toEqual(["bastion", "web3"]);
    expect(last("web3")?.transport.wrap(["x"])).toContain("deploy");
  });

  test("those of a group with a command apply once the group is used", async () => {
    const targets = tableFrom(SETTINGS);
    const argv = () => parsePath("c1", { targets })[0]?.transport.wrap(["x"]);
    expect(argv()).not.toContain("cloud");
    await targets.groups.expand("@cloud");
    expect(argv()).toContain("cloud");
  });

  test("the project's groups take precedence over the user's, and each is one whole", async () => {
    const [home, project] = [join(folder, "home/econtext"), join(folder, "project")];
    for (const one of [home, project]) mkdirSync(one, { recursive: true });
    const own = '[groups]\nweb = "own"\ndb = "db1"\nlist = "@hosts"\n';
    writeFileSync(join(home, "econtext.toml"), own);
    writeFileSync(join(home, "hosts"), "from-home\n");
    writeFileSync(join(project, "econtext.toml"), '[groups]\nweb = "project"\n');
    const env = { XDG_CONFIG_HOME: join(folder, "home") };
    const found = findConfiguration(project, env, () => {});
    const { groups } = tableOf(found, { folder: project });
    expect(await groups.expand("@web,@db,@list")).toEqual(["project", "db1", "from-home"]);
  });
});

test("a broker has groups, and gives commands their environment", async () => {
  await using broker = new Broker({
    groups: { here: { targets: "local", settings: { env: { ROLE: "x", SITE: "a" } } } },
  });
  expect(await broker.expand("@here,web[1-2]")).toEqual(["local", "web1", "web2"]);
  expect(broker.fleet("@here,web[1-2]!web1").targets).toEqual(["local", "web2"]);
  const [target = ""] = await broker.expand("@here");
  const context = await broker.connect(target);
  const { stdout } = await context.$`echo $ROLE$SITE`.env({ SITE: "b" });
  expect(stdout).toBe("xb\n");
  expect(await context.exec(["sh", "-c", "echo $SITE"]).stdout.text()).toBe("a\n");
});
