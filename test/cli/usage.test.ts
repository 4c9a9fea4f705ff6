import { describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { COMMON } from "../../src/cli/options.ts";
import { econtext } from "./econtext.ts";

const COMMANDS = [
  ...["call", "exec", "cp", "sh", "rsh", "ping", "bootstrap", "repl", "init"],
  ...["doctor", "completion", "man"],
];

test.each(["--version", "-V"])("%s says it", async (option) => {
  expect(await econtext(option)).toEqual({
    stdout: `econtext ${version}\n`,
    stderr: "",
    status: 0,
  });
});

test("--help lists the commands, without colours when stdout is no terminal", async () => {
  const { stdout, stderr, status } = await econtext("--help");
  for (const command of COMMANDS) expect(stdout).toContain(`  ${command} `);
  expect(stdout).not.toContain("\x1b");
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});

test.each(COMMANDS)("%s --help says how it is used, for 80 columns", async (command) => {
  const run = await econtext(command, "--help");
  const { stdout, stderr, status } = run;
  expect(stdout).toContain(`USAGE econtext ${command} `);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  const wide = stdout.split("\n").filter((line) => line.length > 80);
  expect(wide).toEqual([]);
  const example = stdout.split("\n").findIndex((line) => line.startsWith(`  `));
  expect(example).toBeLessThan(10);
  expect(await econtext("help", command)).toEqual(run);
  expect(await econtext(command, "-h")).toEqual(run);
});

test("help, and what all commands share", async () => {
  const root = await econtext("--help");
  expect(root.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const words of [["help"], ["-h"]]) expect(await econtext(...words)).toEqual(root);
  const { stdout } = await econtext("help", "options");
  for (const option of Object.keys(COMMON)) expect(stdout).toContain(`--${option}`);
  const exec = (await econtext("exec", "web1", "--help")).stdout;
  expect(exec).toContain("USAGE econtext exec");
  for (const [name, definition] of Object.entries(COMMON)) {
    const short = "alias" in definition ? `-${definition.alias} ` : `--${name} `;
    expect(exec).toContain(short);
  }
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
    [["call", "local", "os.getpid", "--deadline", "soon"], "--deadline soon: not a time"],
    [["call", "local", "os.getpid", "--deadline", "0"], "not a time"],
    [
      ["call", "local", "os.getpid", "--log-level", "loud"],
      "--log-level loud: must be info, debug, warning or error",
    ],
    [["call", "local", "os.getpid", "--python-path", "absent"], "not a folder"],
    [["call", "local", "absent.py:main"], "no such file: absent.py"],
    [["call", "local", "absent.ts:main"], "no such file: absent.ts"],
    [["call", "local", "folder/main"], "not a function: folder/main"],
    [["ping", "local", "--kind", "perl"], "--kind perl: must be python, node or bun"],
    [
      ["bootstrap", "local", "--print", "--language", "c"],
      "--language c: must be python or javascript",
    ],
    [["call", "local", "f", "a=1", "a=2"], "a= is given twice"],
    [["exec"], "\n  econtext exec TARGET... -- CMD ARG...\n"],
    [["exec", "local"], "a command is missing"],
    [["exec", "--ssh", "embeded", "web1", "--", "ls"], "did you mean --ssh embedded?"],
    [["cp", "a", "b"], "such as web1:/srv"],
    [["completion", "tcsh"], "no such SHELL: tcsh: one of bash"],
    [["man", "nope"], "no such COMMAND: nope; one of call"],
    [["exec", "local", "--"], "a command is missing"],
    [["exec", "local", "uname", "-a"], "\n  econtext exec local -- uname -a\n"],
    [["exec", "web1", "df", "-h", "/"], "\n  econtext exec web1 -- df -h /\n"],
    [["exec", "web1", "df", "--help"], "\n  econtext exec web1 -- df --help\n"],
    [["exec", "web1", "web2", "df", "-n"], "\n  econtext exec web1 web2 -- df -n\n"],
    [["exec", "--kind", "bun", "web1", "echo", "a b"], "exec --kind bun web1 -- echo 'a b'\n"],
    [["exec", "-t", "web1", "top"], "\n  econtext exec -t web1 -- top\n"],
    [["exec", "-t", "web1,web2"], "-t is for one target"],
    [["exec", "-t", "--kind", "node", "web1"], "-t needs Python or Bun"],
    [["exec", "local", "--cwd", "", "--", "true"], "--cwd is empty"],
    [["call", "web1", "tasks.restart", "-v"], "\n  econtext call web1 -- tasks.restart -v\n"],
    [["call", "a", "b", "os.getpid", "-h"], "\n  econtext call a b -- os.getpid -h\n"],
    [["sh", "local", "setpu.sh"], "no such file: setpu.sh"],
    [["sh", "local", "local", "./setpu"], "no such file: ./setpu"],
    [["sh", "local", "/etc"], "/etc is a folder"],
    [["sh", "local", "setpu"], "no such file: setpu, and standard input holds no script"],
    [["sh", "/etc/passwd"], "econtext sh TARGET /etc/passwd"],
    [["sh", "-n", "local"], "-n leaves no script"],
    [["cp", "x/a", "y/a", "web1:d"], "x/a and y/a would overwrite each other"],
    [["cp", "web1:a", "web2:b/a/", "d"], "--by-host makes a folder for each host"],
    [["cp", "-r", "web1:a/.", "web2:a/.", "d"], "--by-host makes a folder for each host"],
    [["cp", "web1:a/*.log", "web2:a/*.log", "d"], "--by-host makes a folder for each host"],
    [["cp", "--by-host", "web1:a", "web1:b/a", "d"], "would overwrite each other"],
    [["cp", "-", "web1:dir/"], "web1:dir/ is a folder: give the name of the file"],
    [["cp", "-", "web1:"], "web1: is a folder"],
    [["cp", "--by-host", "a", "web1:b"], "--by-host needs a folder here"],
    [["help", "nope"], "no help for nope"],
    [["sh", "local", "/etc/passwd", "word"], "\n  econtext sh local -- /etc/passwd word\n"],
    [["rsh", "--kind", "python", "local", "true"], "ssh has no option --kind"],
    [["repl", "local", "-e", "1", "-p", "2"], "not both"],
    [
      ["call", "local", "os.getpid", "--deadlin", "5"],
      "unknown option --deadlin: did you mean --deadline?\ntry",
    ],
    [["exec", "--dedline", "5", "web1", "--", "ls"], "did you mean --deadline?"],
    [["cp", "--recursvie", "a", "web1:"], "did you mean --recursive?"],
    [["--deadline", "5", "main.ts"], "a program limits each call by itself"],
    [["--kind", "node", "--deadline=5", "main.ts"], "a program limits each call by itself"],
    [["sh", "/etc/passwd", "web1", "web2"], "\n  econtext sh web1 web2 /etc/passwd\n"],
    [["exce", "web1"], "no such command: exce; did you mean exec?"],
    [["--log-formt", "json", "main.ts"], "did you mean --log-format?"],
    [["exec", "--deadline", "web1", "--", "ls"], "--deadline web1: not a time"],
    [["ping", "--kind", "web1"], "--kind web1: must be"],
    [["exec", "-p", "22999", "web1", "--", "ls"], "for a port: ssh://HOST:22999, or -o Port=22999"],
    [["exec", "-p22999", "web1", "ls"], "for a port: ssh://HOST:22999"],
    [["exec", "-l", "root", "web1", "--", "ls"], "unknown option -l; for a user: root@HOST, or -o"],
    [["exec", "-i", "key", "web1", "ls"], "for a key: -o IdentityFile=key"],
    [["sh", "-J", "bastion", "web1"], "for a way through a host: bastion/HOST, or -o ProxyJump="],
    [["ping", "-v", "web1"], "econtext doctor HOST"],
    [["exec", "web1", "ls", "-l", "/"], "\n  econtext exec web1 -- ls -l /\n"],
    [["version"], "no such command: version; write econtext --version\n"],
    [["ssh", "web1"], "no such command: ssh; write econtext sh\n"],
    [["run", "x.ts"], "write econtext FILE for a program, econtext exec for a command\n"],
    [["cp", "-P", "22", "a", "web1:b"], "for a port: ssh://HOST:22, or -o Port=22"],
    [["exec", "web1", "mkdir", "-p", "22"], "\n  econtext exec web1 -- mkdir -p 22\n"],
    [["cp", "-a", "a", "web1:b"], "write -r: times and modes are always kept"],
    [["init", "absent"], "no such folder: absent"],
    [["init", "tasks.py"], "not a folder: tasks.py"],
    [["call", "web1", "tasks.py", "echo"], "tasks.py is a file: write tasks.py:echo"],
    [["call", "web1", "scripts/tasks.ts"], "scripts/tasks.ts:FUNCTION"],
    [["sh", "web1", "/etc/passwd", "--", "a", "b c"], "sh web1 -- /etc/passwd a 'b c'\n"],
    [["sh", "local", "roots"], "roots is a folder"],
    [["sh", "web1", "scripts/far.py"], "\n  econtext exec web1 -- python3 - < scripts/far.py\n"],
    [["sh", "web1", "--", "scripts/far.py", "x"], "-- python3 - x < scripts/far.py\n"],
  ];
  test.each(wrong)("%j", async (args, said) => {
    const { stdout, stderr, status } = await econtext(...args);
    expect(stdout).toBe("");
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/^econtext.*\n(?: {2}econtext .*\n)?try: econtext.* --help\n$/);
    expect(status).toBe(2);
  });
});

test("a target or function that cannot be one is wrong usage too", async () => {
  expect(await econtext("ping", '"web 1"')).toMatchObject({ stdout: "", status: 2 });
  for (const args of [
    ["call", "a,,b", "os.getpid"],
    ["repl", "a,,b", "-e", "1"],
  ]) {
    const { stdout, stderr, status } = await econtext(...args);
    expect([stdout, status]).toEqual(["", 2]);
    expect(stderr).toStartWith(
      'not a set of targets: a set is missing after ","\n  "a,,b"\n    ^\n',
    );
  }
  expect(await econtext("call", "local", "no-name")).toMatchObject({ stdout: "", status: 2 });
});
