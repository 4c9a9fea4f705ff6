/**
 * The options in argument vectors against what the programs say of themselves: their help, where
 * this machine has the program; else the options that their manuals list.
 */
import { describe, expect, test } from "bun:test";
import { parsePath } from "../../src/tree/target-path.ts";

interface Usage {
  /** All options of the word are set. */
  readonly path: string;
  /** Prints the help. */
  readonly help?: readonly string[];
  /** Options of the manual: that of Incus 6.0, LXD 5.0, LXC 5.0, FreeBSD 14. */
  readonly manual?: readonly string[];
}

const INCUS = ["--force-noninteractive", "--project", "--user", "--group", "--cwd"];
const USAGES: readonly Usage[] = [
  { path: "podman:a?user=b&cwd=%2Fc", help: ["podman", "exec", "--help"] },
  { path: "docker:a?user=b&cwd=%2Fc", help: ["docker", "exec", "--help"] },
  { path: "kubectl:a:b:c", help: ["sh", "-c", "kubectl exec --help; kubectl options"] },
  { path: "kubectl:a?context=d", help: ["sh", "-c", "kubectl exec --help; kubectl options"] },
  { path: "systemd-run?user=a&cwd=%2Fb&slice=c", help: ["systemd-run", "--help"] },
  { path: "machinectl:a", help: ["systemd-run", "--help"] },
  {
    path: "unshare?ns=mount+pid+net+uts+ipc+cgroup+user&root=%2Fa&cwd=%2Fb",
    help: ["unshare", "--help"],
  },
  {
    path: "nsenter:1?ns=all+mount+pid+net+uts+ipc+cgroup+user+root&cwd=%2Fb",
    help: ["nsenter", "--help"],
  },
  { path: "chroot:%2Fa?user=b", help: ["chroot", "--help"] },
  { path: "sudo:a", help: ["sudo", "--help"] },
  { path: "su:a", help: ["su", "--help"] },
  { path: "runuser:a", help: ["runuser", "--help"] },
  { path: "lxc:a?uid=1&gid=2", manual: ["--clear-env", "--uid", "--gid", "--name"] },
  { path: "incus:a?uid=1&gid=2&cwd=%2Fb&project=c", manual: INCUS },
  { path: "lxd:a?uid=1&gid=2&cwd=%2Fb&project=c", manual: INCUS },
  { path: "jexec:a?user=b", manual: ["-l", "-u", "-U"] },
];

/** @returns the program's own options, without their values */
function optionsOf(path: string): string[] {
  const [step] = parsePath(path);
  const command = ["COMMAND"];
  const argv = step?.transport.wrap(command) ?? [];
  // nsenter is started by a script.
  const start = argv[0] === "sh" ? 3 : 0;
  const own = argv
    .slice(start, argv.indexOf("COMMAND"))
    .filter((word) => /^--?[a-zA-Z]/.test(word));
  return own.map((word) => word.replace(/=.*$/, ""));
}

const hasOption = (text: string, option: string): boolean =>
  new RegExp(`(^|[\\s,[|])${option}(?![\\w-])`, "m").test(text);

describe.each(USAGES.map((usage) => [usage.path, usage] as const))("%s", (path, usage) => {
  const [program = ""] = usage.help?.at(-1)?.split(" ") ?? [];
  const name = usage.help?.[0] === "sh" ? program : usage.help?.[0];
  const isThere = name === undefined || Bun.which(name) !== null;

  test.skipIf(!isThere)("has options that its program knows", () => {
    const { help, manual = [] } = usage;
    const text =
      help === undefined
        ? manual.join("\n")
        : Bun.spawnSync([...help], { stderr: "pipe" }).stdout.toString();
    const unknown = optionsOf(path).filter((option) => !hasOption(text, option));
    expect(unknown).toEqual([]);
    expect(optionsOf(path).length).toBeGreaterThan(0);
  });
});
