import { describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { econtext } from "./econtext.ts";

const COMMANDS = ["call", "exec", "ping", "bootstrap", "repl"];

test("--version says it", async () => {
  expect(await econtext("--version")).toEqual({
    stdout: `econtext ${version}\n`,
    stderr: "",
    status: 0,
  });
});

test("--help lists the commands, without colours when nobody sees them", async () => {
  const { stdout, stderr, status } = await econtext("--help");
  for (const command of COMMANDS) expect(stdout).toContain(`  ${command} `);
  expect(stdout).not.toContain("\x1b");
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});

test.each(COMMANDS)("%s --help says how it is used", async (command) => {
  const { stdout, stderr, status } = await econtext(command, "--help");
  expect(stdout).toContain(`USAGE econtext ${command} `);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});

describe("wrong usage is status 2, one sentence and a hint", () => {
  const wrong: readonly (readonly [args: string[], said: string])[] = [
    [[], "a command is missing"],
    [["nope"], "no such command: nope"],
    [["constructor"], "no such command: constructor"],
    [["--nope"], "no such option: --nope"],
    [["call"], "TARGET"],
    [["call", "local"], "a FUNCTION is missing"],
    [["call", "local", "os.getpid", "--nope"], "--nope"],
    [["call", "local", "os.getpid", "--deadline", "soon"], "not a time: --deadline soon"],
    [["call", "local", "os.getpid", "--deadline", "0"], "not a time"],
    [["call", "local", "os.getpid", "--log-level", "loud"], "not for --log-level: loud"],
    [["call", "local", "os.getpid", "--python-path", "absent"], "not a folder"],
    [["call", "local", "absent.py:main"], "no such file: absent.py"],
    [["call", "local", "absent.ts:main"], "no such file: absent.ts"],
    [["call", "local", "folder/main"], "not a function: folder/main"],
    [["ping", "local", "--kind", "perl"], "not for --kind: perl"],
    [["bootstrap", "local", "--print", "--language", "c"], "not for --language: c"],
    [["call", "local", "f", "a=1", "a=2"], "a= is given twice"],
    [["call", "a,,b", "os.getpid"], "a TARGET is missing"],
    [["exec", "local"], "a command is missing"],
    [["exec", "local", "--"], "a command is missing"],
    [["exec", "local", "uname", "-a"], "-a'; what is not econtext's own stands behind --"],
    [["sh", "local", "/etc/passwd", "word"], "econtext sh local -- /etc/passwd word"],
    [["rsh", "--kind", "python", "local", "true"], "no option of ssh: --kind"],
    [["bootstrap", "local"], "--print"],
    [["repl", "local", "-e", "1", "-p", "2"], "not both"],
    [["repl", "a,,b", "-e", "1"], "a TARGET is missing"],
  ];
  test.each(wrong)("%j", async (args, said) => {
    const { stdout, stderr, status } = await econtext(...args);
    expect(stdout).toBe("");
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/^econtext.*\ntry: econtext.* --help\n$/);
    expect(status).toBe(2);
  });
});

test("a target or function that cannot be one is wrong usage too", async () => {
  expect(await econtext("ping", "web 1")).toMatchObject({ stdout: "", status: 2 });
  expect(await econtext("call", "local", "no-name")).toMatchObject({ stdout: "", status: 2 });
});
