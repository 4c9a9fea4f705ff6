/** What ssh is given besides the user's options, by what the user's configuration says. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SshOptions, ssh } from "../../src/transports/ssh.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "econtext-ssh-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The words in front of `-T`, without the user's own. */
function forced(...options: string[]): string {
  const words = ssh("web1", { options, interactive: true }).wrap(["true"]);
  const before = words.slice(1, words.indexOf("-T") - options.length);
  expect(words.slice(1 + before.length, words.indexOf("-T"))).toEqual(options);
  return before.filter((word) => word !== "-o").join(" ");
}

const ALWAYS = "PermitLocalCommand=no ClearAllForwardings=yes";

test("a client that knows no newer option is given none", () => {
  const plain = write("plain", "Host web1\n  User me\n# RemoteCommand none\n");
  expect(forced("-F", plain)).toBe(ALWAYS);
  expect(forced("-F", join(folder, "absent"))).toBe(ALWAYS);
  expect(forced("-F", "none")).toBe(ALWAYS);
});

test("a configuration that was changed is read again", () => {
  const file = write("changing", "RequestTTY yes\n");
  expect(forced("-F", file)).toBe(`RequestTTY=no ${ALWAYS}`);
  write("changing", "StdinNull yes \n");
  expect(forced("-F", file)).toBe(`StdinNull=no ${ALWAYS}`);
});

test("what is set for interactive use is undone, wherever it stands", () => {
  const all = "RemoteCommand=none RequestTTY=no SessionType=default StdinNull=no";
  const fork = "ForkAfterAuthentication=no";
  mkdirSync(join(folder, "more"));
  write("more/one.conf", "Host *\n\tsessiontype=none\n");
  write("more/two.conf", "StdinNull yes\nForkAfterAuthentication = yes\n");
  const config = write(
    "config",
    `Host web1\n  RequestTTY "force"\n  RemoteCommand tmux\nInclude "${folder}/more/*.conf"\n`,
  );
  expect(forced(`-F${config}`)).toBe(`${all} ${fork} ${ALWAYS}`);
  expect(forced("-F", "none", "-o", "StdinNull yes")).toBe(`StdinNull=no ${ALWAYS}`);
});

test("a file that includes itself comes to an end", () => {
  const config = write("round", `Include ${folder}/round\nRemoteCommand top\n`);
  expect(forced("-F", config)).toBe(`RemoteCommand=none ${ALWAYS}`);
});

test("a forwarding that was asked for is kept", () => {
  for (const option of ["-oLocalForward=1 h:2", "-L1:h:2", "-R1:h:2", "-D1"]) {
    expect(forced("-F", "none", option)).toBe("PermitLocalCommand=no");
  }
  expect(forced("-F", "none", "-o", "DynamicForward 1")).toBe("PermitLocalCommand=no");
  expect(forced("-F", "none", "-o", "ForwardAgent=yes")).toBe(ALWAYS);
});

test("options that ssh does not take, and a lost connection, are told apart", () => {
  const told = (said: string) => ssh("web1").explain(255, said)?.message;
  expect(told("unknown option -- Z\nusage: ssh [-46]\n")).toContain("take these options");
  expect(told("Connection to 10.0.0.1 closed by remote host.\n")).toContain("lost the connection");
  const silent = "Connection timed out during banner exchange\n";
  expect(told(`${silent}Connection to 10.0.0.1 port 22 timed out\n`)).toContain("says nothing");
  expect(told("Connection closed by 10.0.0.1 port 22\n")).toBe("ssh could not connect");
  expect(told("Received disconnect from 10.0.0.1 port 22:11: \n")).toContain("server ended");
  expect(told("Warning: Permanently added 'h' (RSA) to the list\r\n")).toContain("said nothing");
  expect(told("exec request failed on channel 0\n")).toContain("runs no command");
  const closed = "kex_exchange_identification: Connection closed by remote host\n";
  const jump = `${closed}Connection closed by 10.0.0.1 port 22\n`;
  const last = `${closed}Connection closed by UNKNOWN port 65535\n`;
  expect(told(jump + last)).toContain("before it said what it is");
  expect(told(last)).toBe("ssh could not connect");
});

describe("what ssh says, and what helps", () => {
  const explain = (lines: readonly string[], options: SshOptions = {}) =>
    ssh("web1", { options: ["-F", "none"], ...options }).explain(255, lines.join("\r\n"));
  const UNKNOWN_END = "Connection closed by UNKNOWN port 65535";
  const CLOSED = "kex_exchange_identification: Connection closed by remote host";
  const DENIED = "Permission denied (publickey,keyboard-interactive).";

  test("a key that has changed: which one, where, and the command that removes it", () => {
    const told = explain([
      "@".repeat(59),
      "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
      "@".repeat(59),
      "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
      "It is also possible that a host key has just been changed.",
      "The fingerprint for the ED25519 key sent by the remote host is",
      "SHA256:abc.",
      "Please contact your system administrator.",
      "Add correct host key in /home/me/known hosts to get rid of this message.",
      "Offending ED25519 key in /home/me/known hosts:3",
      "  remove with:",
      '  ssh-keygen -f "/home/me/known hosts" -R "[10.0.0.1]:2222"',
      "Host key for [10.0.0.1]:2222 has changed and you have requested strict checking.",
      "Host key verification failed.",
      CLOSED,
      UNKNOWN_END,
    ]);
    expect(told?.said?.split("\n")).toEqual([
      "The fingerprint for the ED25519 key sent by the remote host is SHA256:abc.",
      "Offending ED25519 key in /home/me/known hosts:3",
      "Host key for [10.0.0.1]:2222 has changed and you have requested strict checking.",
      "Host key verification failed.",
    ]);
    const command = "ssh-keygen -f '/home/me/known hosts' -R '[10.0.0.1]:2222'";
    expect(told?.hint).toEndWith(`then remove the old key: ${command}`);
  });

  test("the reason of a jump host, without the ends that follow from it", () => {
    const refused = "ssh: connect to host 10.0.0.1 port 22: Connection refused";
    expect(explain([refused, CLOSED, UNKNOWN_END])?.said).toBe(refused);
    const away = [CLOSED, "Connection closed by 10.0.0.1 port 22", CLOSED, UNKNOWN_END];
    expect(explain(away)?.hint).toContain("MaxStartups");
    expect(explain([CLOSED, UNKNOWN_END])?.message).toBe("ssh could not connect");
  });

  test("that it takes a password is told where none could be given", () => {
    expect(explain([DENIED])?.hint).toContain("it takes a password, too");
    expect(explain([DENIED], { interactive: true })?.hint).not.toContain("password");
  });
});

describe("hints name the configuration in use", () => {
  const UNKNOWN = "ssh: Could not resolve hostname web1: Name or service not known";
  const DENIED = "web1: Permission denied (publickey).";
  const hintOf = (said: string, ...options: string[]): string =>
    ssh("web1", { options }).explain(255, said)?.hint ?? "";
  const before = process.env["ECONTEXT_SSH_CONFIG"];
  afterEach(() => {
    if (before === undefined) delete process.env["ECONTEXT_SSH_CONFIG"];
    else process.env["ECONTEXT_SSH_CONFIG"] = before;
  });

  test("of the option -F", () => {
    expect(hintOf(UNKNOWN, "-F", "/etc/lab")).toEndWith("a Host entry in /etc/lab");
    expect(hintOf(UNKNOWN, "-F/etc/lab")).toEndWith("a Host entry in /etc/lab");
    expect(hintOf(DENIED, "-F", "/etc/my lab")).toEndWith("plain ssh -F '/etc/my lab' web1");
    expect(hintOf("other", "-F", "/etc/lab")).toEndWith("plain ssh -v -F /etc/lab web1");
  });

  test("of the environment, unless -F names another or none", () => {
    process.env["ECONTEXT_SSH_CONFIG"] = "/etc/other";
    expect(hintOf(UNKNOWN)).toEndWith("a Host entry in /etc/other");
    expect(hintOf(UNKNOWN, "-F", "/etc/lab")).toEndWith("a Host entry in /etc/lab");
    expect(hintOf(DENIED, "-F", "none")).toEndWith("plain ssh -F none web1");
  });

  test("else the user's own", () => {
    delete process.env["ECONTEXT_SSH_CONFIG"];
    expect(hintOf(UNKNOWN)).toEndWith("a Host entry in ~/.ssh/config");
    expect(hintOf(DENIED)).toEndWith("the agent with plain ssh web1");
    const strict = "No ED25519 host key is known for web1 and you have requested strict checking.";
    const unknown = `${strict}\r\nHost key verification failed.\r\n`;
    const ask = "-o 'StrictHostKeyChecking=ask' -o 'StrictHostKeyChecking=yes' web1";
    expect(hintOf(unknown, "-o", "StrictHostKeyChecking=yes")).toContain(`plain ssh ${ask} to see`);
  });
});
