/** Completion of command lines: the candidates, and each shell's script in that shell. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "../helpers/skip.ts";
import { loginShell } from "../helpers/sshd.ts";
import { ECONTEXT } from "./econtext.ts";

let dir: string;
let env: Record<string, string>;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "econtext-completion-"));
  mkdirSync(join(dir, "bin"));
  mkdirSync(join(dir, "folder"));
  writeFileSync(join(dir, "folder", "a file"), "");
  writeFileSync(join(dir, "tasks.py"), "");
  writeFileSync(
    join(dir, "econtext.toml"),
    '[targets.web1]\nkind = "python"\n[targets.db1]\npath = "web1/db1"\n[groups]\nrack = "r1"\n',
  );
  writeFileSync(join(dir, "ssh"), "Host mail1 *.example !x\nInclude more\nHost mail2\n");
  const [program = "", ...args] = ECONTEXT;
  if (args.length === 0) symlinkSync(program, join(dir, "bin/econtext"));
  else
    writeFileSync(join(dir, "bin/econtext"), `#!/bin/sh\nexec ${ECONTEXT.join(" ")} "$@"\n`, {
      mode: 0o755,
    });
  env = {
    ...(process.env as Record<string, string>),
    ECONTEXT_SSH_CONFIG: join(dir, "ssh"),
    PATH: `${dir}/bin:${process.env["PATH"] ?? ""}`,
  };
});
afterAll(() => rmSync(dir, { recursive: true }));

async function run(...argv: string[]): Promise<string> {
  await using child = Bun.spawn(argv, {
    cwd: dir,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await child.stdout.text();
  expect(await child.exited).toBe(0);
  return text;
}

async function offered(...words: string[]): Promise<string[]> {
  const text = await run("econtext", "completion", "--for", "bash", "--", ...words);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t")[0] ?? "");
}

describe("candidates", () => {
  const ROWS: readonly (readonly [line: string, expected: readonly string[]])[] = [
    ["pi", ["ping"]],
    ["exec @", ["@rack"]],
    ["exec web1!@r", ["web1!@rack"]],
    ["exec mai", ["mail1", "mail2"]],
    ["help bo", ["bootstrap"]],
    ["exec --ki", ["--kind"]],
    ["exec --kind ", ["python", "node", "bun"]],
    ["exec --kind=n", ["--kind=node"]],
    ["exec -F ta", ["tasks.py"]],
    ["hel", ["help"]],
    ["help o", ["options"]],
    ["exec --ssh ", ["ssh", "embedded", "auto"]],
    ["exec --ssh em", ["embedded"]],
    ["exec --ssh ./tas", ["./tasks.py"]],
    ["exec --ssh=a", ["--ssh=auto"]],
    ["exec we", ["web1"]],
    ["exec db1,we", ["db1,web1"]],
    ["exec web1/podm", ["web1/podman:"]],
    ["exec web1 -- ta", ["tasks.py"]],
    ["call web1 ta", ["tasks.py"]],
    ["cp fol", ["folder/"]],
    ["cp folder/", ["folder/a file"]],
    ["cp we", ["web1:"]],
    ["completion z", ["zsh"]],
    ["man cp", ["cp"]],
  ];
  test.each(ROWS)("%s", async (line, expected) => {
    expect(await offered(...line.split(" "))).toEqual([...expected]);
  });

  test("an option that was given is not offered again, unless it may be repeated", async () => {
    expect(await offered("exec", "--deadline", "5", "--dead")).toEqual([]);
    expect(await offered("exec", "--env", "A=1", "--en")).toEqual(["--env"]);
  });

  test("files of a target", async () => {
    expect(await offered("cp", "local:/etc/host")).toContain("local:/etc/hosts");
    expect(await offered("cp", "local:/us")).toEqual(["local:/usr/"]);
    expect(await offered("cp", "local:/no such folder/a")).toEqual([]);
  });
});

test("a shell must be one of three", async () => {
  await using child = Bun.spawn([...ECONTEXT, "completion", "csh"], { stderr: "pipe" });
  expect(await child.stderr.text()).toContain("no such SHELL: csh: one of bash, zsh, fish");
  expect(await child.exited).toBe(2);
});

const bash = loginShell("bash");
suite("completion in bash", bash.missing, "shells", () => {
  test("words with a colon, and one that goes on", async () => {
    const script = `source <(econtext completion bash)
      for COMP_LINE in "econtext pi" "econtext cp local:/etc/hostn" "econtext exec --kind=py"; do
        COMP_POINT=\${#COMP_LINE}; _econtext 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"; done`;
    expect(await run("bash", "-c", script)).toBe("ping\n/etc/hostname\npython\n");
  });
});

const fish = loginShell("fish");
suite("completion in fish", fish.missing, "shells", () => {
  test("values and meanings", async () => {
    const script = `econtext completion fish | source
      complete -C "econtext exec --kind "; complete -C "econtext pi"; complete -C "econtext cp fol"`;
    const text = await run("fish", "--no-config", "-c", script);
    expect(text).toMatch(/^bun\nnode\npython\nping\tShow whether .*\nfolder\/\n$/);
  });
});

const zsh = loginShell("zsh");
suite("completion in zsh", zsh.missing, "shells", () => {
  test("words that end, and words that go on", async () => {
    const script = `compdef() { :; }; compadd() { print -r -- "$@"; }
      source <(econtext completion zsh)
      words=(econtext exec we); CURRENT=3; _econtext
      words=(econtext cp fol); CURRENT=3; _econtext`;
    expect(await run("zsh", "-fc", script)).toBe("-- web1\n-S  -- folder/\n");
  });
});

test("the manual page of each command is one that man reads without complaint", async () => {
  const groff = Bun.which("groff");
  for (const name of ["econtext", "exec", "cp", "doctor"]) {
    const page = await run("econtext", "man", name);
    expect(page).toMatch(/^\.TH ECONTEXT(?:-\w+)? 1 /);
    expect(page).toContain(".SH SYNOPSIS");
    // No line of the text may be taken for a request.
    const requests = page.split("\n").filter((line) => /^[.']/.test(line));
    for (const line of requests) expect(line).toMatch(/^\.(?:TH|SH|TP|PP|B|br|nf|fi)\b/);
    if (groff === null) continue;
    const argv = [groff, "-man", "-ww", "-Tutf8", "-z"];
    await using child = Bun.spawn(argv, { stdin: new Blob([page]), stderr: "pipe" });
    expect(await child.stderr.text()).toBe("");
  }
});
