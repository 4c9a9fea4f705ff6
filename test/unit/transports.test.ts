/**
 * The argument vectors of all transports, and what their programs' messages mean. The messages are
 * those of sudo 1.9.13 and 1.9.16, sudo-rs 0.2.5, util-linux 2.38 and 2.41, opendoas 6.8.2,
 * coreutils 9.1, podman 4.3.1; others as their sources and manuals have them.
 */
import { describe, expect, test } from "bun:test";
import { CAUSES, type Cause } from "../../src/transports/causes.ts";
import { SCHEMES } from "../../src/transports/registry.ts";
import { ssh } from "../../src/transports/ssh.ts";
import { gapsOf } from "../../src/transports/template.ts";
import type { Transport } from "../../src/transports/transport.ts";
import { parsePath } from "../../src/tree/target-path.ts";

const COMMAND = ["sh", "-c", "it's", ""];

function at(path: string): Transport {
  const [step] = parsePath(path);
  if (step === undefined) throw new Error("no step");
  return step.transport;
}

describe("argument vectors", () => {
  test.each<[path: string, argv: string[]]>([
    ["sudo:www", ["sudo", "-n", "-u", "www", "--"]],
    ["sudo-rs", ["sudo-rs", "-n", "-u", "root", "--"]],
    ["su:www", ["su", "www", "-s", "/bin/sh", "-c", 'exec "$0" "$@"', "--"]],
    ["runuser:www", ["runuser", "-u", "www", "--"]],
    ["doas", ["doas", "-n", "-u", "root", "--"]],
    ["podman:app", ["podman", "exec", "-i", "app"]],
    ["podman:app?user=www", ["podman", "exec", "-i", "--user=www", "app"]],
    ["docker:app?cwd=%2Fsrv", ["docker", "exec", "-i", "--workdir=/srv", "app"]],
    ["docker:app?context=far", ["docker", "--context=far", "exec", "-i", "app"]],
    ["kubectl:web-0", ["kubectl", "exec", "-i", "web-0", "--"]],
    [
      "kubectl:prod:deploy%2Fweb:app?context=eu",
      [
        ...["kubectl", "--context=eu", "--namespace=prod", "exec", "-i", "--container=app"],
        ...["deploy/web", "--"],
      ],
    ],
    [
      "kubectl:prod%2Fweb-0%2Fapp",
      ["kubectl", "--namespace=prod", "exec", "-i", "--container=app", "web-0", "--"],
    ],
    ["lxc:app", ["lxc-attach", "--clear-env", "--name=app", "--"]],
    ["incus:cloud:app", ["incus", "exec", "cloud:app", "--force-noninteractive", "--"]],
    ["lxd:app?uid=33", ["lxc", "exec", "app", "--force-noninteractive", "--user=33", "--"]],
    [
      "machinectl:app",
      ["systemd-run", "--machine=app", "--quiet", "--collect", "--pipe", "--wait", "--"],
    ],
    [
      "systemd-run?user=www&slice=a.slice",
      [
        ...["systemd-run", "--quiet", "--collect", "--pipe", "--wait"],
        ...["--uid=www", "--slice=a.slice", "--"],
      ],
    ],
    ["chroot:%2Fsrv?user=www", ["chroot", "--userspec=www", "/srv"]],
    ["unshare", ["unshare", "--mount", "--"]],
    [
      "unshare?ns=user+pid&root=%2Fsrv",
      [
        ...["unshare", "--user", "--map-root-user"],
        ...["--pid", "--fork", "--kill-child", "--mount-proc", "--root=/srv", "--"],
      ],
    ],
    ["jexec:web?user=www", ["jexec", "-U", "www", "web"]],
  ])("%s", (path, argv) => {
    expect(at(path).wrap(COMMAND)).toEqual([...argv, ...COMMAND]);
  });

  test("systemd would replace a dollar sign that is not doubled", () => {
    const argv = at("systemd-run").wrap(["sh", "-c", "echo $HOME $$"]);
    expect(argv.at(-1)).toBe("echo $$HOME $$$$");
  });

  test("nsenter finds the process of a container by itself", () => {
    const argv = at("nsenter:app?ns=mount+net&cwd=%2Fsrv").wrap(COMMAND);
    expect(argv.slice(0, 2)).toEqual(["sh", "-c"]);
    expect(argv.slice(3)).toEqual(["app", "--mount", "--net", "--wd=/srv", "--", ...COMMAND]);
  });

  test("with a prompt, a question can be answered", () => {
    const argv = ["-S", "-p", "nonce", "-u", "www", "--", ...COMMAND];
    expect(at("sudo:www").wrap(COMMAND, "nonce")).toEqual(["sudo", ...argv]);
    expect(at("doas:www").wrap(COMMAND, "")).toEqual(["doas", "-u", "www", "--", ...COMMAND]);
    expect(at("su:www").wrap(COMMAND, "nonce")).toEqual(at("su:www").wrap(COMMAND));
  });

  test("whose password is asked for", () => {
    expect(at("sudo:www").password).toEqual({ prompt: "nonce", user: undefined });
    expect(at("su:www").password).toEqual({ prompt: "any", user: "www" });
    expect(at("doas:www").password).toEqual({ prompt: "terminal", user: undefined });
    expect(at("runuser:www").password).toBeUndefined();
  });

  test("every gap is an option, a part, the destination, the prompt or the command", () => {
    for (const { scheme, argv, password, options = {}, destination } of SCHEMES.values()) {
      const known = [...Object.keys(options), ...(destination?.parts ?? []).flat(), "command"];
      if (destination !== undefined) known.push("destination");
      for (const template of [argv, password?.argv ?? []]) {
        const own = template === argv ? known : [...known, "prompt"];
        for (const part of template) {
          for (const gap of gapsOf([part].flat()))
            expect([scheme, own]).toEqual([scheme, expect.arrayContaining([gap])]);
        }
      }
    }
  });

  test("clients, and what has a network between", () => {
    const those = (is: (transport: Transport) => boolean): string[] =>
      ["web1", "sudo", "podman:a", "docker:a", "kubectl:a", "incus:a", "systemd-run", "chroot:%2Fa"]
        .map(at)
        .filter(is)
        .map(({ scheme }) => scheme);
    expect(those(({ hasNetwork }) => hasNetwork)).toEqual(["ssh", "docker", "kubectl", "incus"]);
    expect(those(({ isClient }) => isClient)).toEqual([
      ...["ssh", "podman", "docker", "kubectl", "incus", "systemd-run"],
    ]);
    expect(those(({ sharesDisk }) => sharesDisk)).toEqual([]);
  });
});

describe("messages", () => {
  test.each<[path: string, status: number, said: string, cause: Cause | undefined]>([
    ["sudo", 1, "sudo: unknown user x\nsudo: error initializing audit plugin\n", "unknown-user"],
    ["sudo-rs", 1, "sudo-rs: user 'x' not found\n", "unknown-user"],
    ["sudo", 1, "sudo: a password is required\n", "password-needed"],
    ["sudo-rs", 1, "sudo-rs: interactive authentication is required\n", "password-needed"],
    ["sudo", 1, "NONCEx is not in the sudoers file.\n", "not-allowed"],
    ["sudo-rs", 1, "sudo-rs: I'm sorry x. I'm afraid I can't do that\n", "not-allowed"],
    [
      "sudo",
      1,
      "NONCESorry, user bob is not allowed to execute '/usr/bin/sh -c x' as root on vm.\n",
      "command-not-allowed",
    ],
    ["sudo", 1, "sudo: sorry, you must have a tty to run sudo\n", "terminal-needed"],
    ["sudo", 1, "NSorry, try again.\nNsudo: 3 incorrect password attempts\n", "password-exhausted"],
    [
      "sudo",
      1,
      "sudo: no password was provided\nsudo: 1 incorrect password attempt\n",
      "password-wrong",
    ],
    ["sudo-rs", 1, "sudo-rs: Maximum 3 incorrect authentication attempts\n", "password-exhausted"],
    [
      "sudo",
      1,
      "sudo: account validation failure, is your account locked?\nsudo: a password is required\n",
      "account-locked",
    ],
    [
      "sudo-rs",
      1,
      "sudo-rs: Account validation failure, is your account locked?",
      "account-locked",
    ],
    [
      "sudo",
      1,
      "Nsudo: Account or password is expired, reset your password and try again\nsudo: a password is required\n",
      "password-expired",
    ],
    [
      "sudo-rs",
      1,
      "[sudo: N] Current password: \nsudo-rs: PAM error: Authentication token manipulation error\n",
      "password-expired",
    ],
    [
      "sudo",
      1,
      'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.\n',
      "no-new-privileges",
    ],
    [
      "sudo-rs",
      1,
      "sudo-rs: sudo must be owned by uid 0 and have the setuid bit set",
      "no-new-privileges",
    ],
    ["sudo", 1, "sudo: sh: command not found\n", "no-shell"],
    ["sudo", 1, "sudo: ein Passwort ist notwendig\n", "failed"],
    ["sudo", 97, "sudo: unable to resolve host x: Name or service not known\n", undefined],
    [
      "su:x",
      1,
      "su: user x does not exist or the user entry does not contain all\n",
      "unknown-user",
    ],
    ["su", 1, "Password: su: Authentication failure\n", "password-wrong"],
    [
      "su:x",
      1,
      "Your account has expired; please contact\nsu: Authentication failure\n",
      "account-expired",
    ],
    [
      "su:x",
      1,
      "You are required to change your password immediately (administrator enforced).\nCurrent password: su: Authentication token manipulation error\n",
      "password-expired",
    ],
    ["su:x", 97, "su: warning: cannot change directory to /x: No such file\n", undefined],
    ["runuser:x", 1, "runuser: user x does not exist or the user entry\n", "unknown-user"],
    ["runuser", 1, "runuser: may not be used by non-root users\n", "permission-denied"],
    ["doas:x", 1, "doas: unknown user\n", "unknown-user"],
    ["doas", 1, "doas: Operation not permitted\n", "not-allowed"],
    ["doas", 1, "doas: Authentication required\n", "password-needed"],
    ["doas", 1, "doas: Authentication failed\n", "password-wrong"],
    ["doas", 1, "doas: not installed setuid\n", "no-new-privileges"],
    [
      "podman:x",
      125,
      'Error: no container with name or ID "x" found: no such container\n',
      "not-found",
    ],
    [
      "podman:x",
      255,
      "Error: can only create exec sessions on running containers: container state improper\n",
      "stopped",
    ],
    [
      "podman:x?user=y",
      255,
      "Error: unable to find user y: no matching entries in passwd file\n",
      "unknown-user",
    ],
    [
      "podman:x?cwd=%2Fy",
      127,
      'Error: runc: exec failed: unable to start container process: chdir to cwd ("y") set in config.json failed: no such file or directory: OCI runtime attempted to invoke a command that was not found\n',
      "no-folder",
    ],
    [
      "podman:x",
      127,
      'Error: runc: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found\n',
      "no-shell",
    ],
    ["docker:x", 1, "Error response from daemon: No such container: x\n", "not-found"],
    ["docker:x", 1, "Error response from daemon: container 0123 is not running\n", "stopped"],
    [
      "docker:x",
      1,
      "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
      "unreachable",
    ],
    ["kubectl:x", 1, 'Error from server (NotFound): pods "x" not found\n', "not-found"],
    [
      "kubectl:x",
      1,
      'Error from server (Forbidden): pods "x" is forbidden: User "y"\n',
      "permission-denied",
    ],
    [
      "kubectl:x",
      1,
      "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n",
      "unreachable",
    ],
    ["incus:x", 1, 'Error: Failed to fetch instance "x": Instance not found\n', "not-found"],
    ["incus:x", 1, "Error: Instance is not running\n", "stopped"],
    ["lxc:x", 1, "lxc-attach: x: ../src/lxc/attach.c: Failed to get init pid\n", "stopped"],
    [
      "systemd-run",
      1,
      "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
      "unreachable",
    ],
    ["systemd-run?user=x", 217, "", "unknown-user"],
    [
      "machinectl:x",
      1,
      "Failed to start transient service unit: No machine 'x' known\n",
      "not-found",
    ],
    [
      "chroot:%2Fx",
      125,
      "chroot: cannot change root directory to 'x': No such file or directory\n",
      "not-found",
    ],
    [
      "chroot:%2Fx",
      125,
      "chroot: cannot change root directory to 'x': Operation not permitted\n",
      "permission-denied",
    ],
    ["chroot:%2Fx?user=y", 125, "chroot: invalid user: 'y'\n", "unknown-user"],
    [
      "chroot:%2Fx",
      127,
      "chroot: failed to run command 'sh': No such file or directory\n",
      "no-shell",
    ],
    ["unshare", 1, "unshare: unshare failed: Operation not permitted\n", "permission-denied"],
    [
      "nsenter:1",
      1,
      "nsenter: cannot open /proc/1/ns/mnt: Permission denied\n",
      "permission-denied",
    ],
    [
      "nsenter:9",
      1,
      "nsenter: cannot open /proc/9/ns/ipc: No such file or directory\n",
      "not-found",
    ],
    ["nsenter:x", 125, "econtext: no such container\n", "not-found"],
    ["nsenter:x", 125, "econtext: not running\n", "stopped"],
    ["jexec:x", 1, 'jexec: jail "x" not found\n', "not-found"],
    ["sudo", 98, "econtext: /usr/bin/python3 2.4\n", undefined],
    ["podman:x", 97, "", undefined],
    ["podman:x", 0, "Error: no such container", undefined],
  ])("%s: status %d, %p", (path, status, said, cause) => {
    const transport = at(path);
    const explained = transport.explain(status, said);
    expect(explained?.code).toBe(cause === undefined ? undefined : CAUSES[cause].code);
    if (explained === undefined) return;
    // The error has the word of the path before it.
    expect(explained.message).not.toContain(": ");
    expect(`${explained.message} ${explained.hint}`).not.toMatch(/\{\w+\}/);
  });

  test("what is printed on standard output counts too", () => {
    const said = "This account is currently not available.\n";
    expect(at("su:x").explain(1, "", said)?.code).toBe("ERR_TRANSPORT_NO_LOGIN_SHELL");
  });
});

test("ssh gets an IPv6 address without brackets", () => {
  const destinationOf = (target: string) => ssh(target).wrap(["true"]).at(-2);
  expect(destinationOf("[::1]")).toBe("::1");
  expect(destinationOf("ada@[fe80::1%eth0]")).toBe("ada@fe80::1%eth0");
  expect(destinationOf("ssh://[::1]:22")).toBe("ssh://[::1]:22");
  expect(destinationOf("web[1]")).toBe("web[1]");
});
