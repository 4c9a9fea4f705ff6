/** What ssh is given besides the user's options, by what the user's configuration says. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ssh } from "../../src/transports/ssh.ts";

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
