/**
 * The laboratory: machines behind a bastion, each with its own root, network, processes and sshd.
 *
 *     this machine ── bastion ─┬─ web1   Debian 12; sudo, su, doas; podman container `app`
 *                              ├─ web2   Debian 13: OpenSSH 10, sudo-rs
 *                              └─ web3   Debian 12
 *
 * `ssh -F CONFIG bastion` is the only way in: our key opens the bastion alone, and only the
 * bastion's own keys and configuration lead to the machines behind it. On each, `ada` may become
 * any user without a password, and `bea` with hers. Needs root; opens in less than a second.
 *
 * Nothing outlives the tests, however they end: see host.ts. The folder of a laboratory whose tests
 * were killed is removed when the next one opens.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning, type Marked, RUN_ID } from "../helpers/leaks.ts";
import { Host, type HostPlan } from "./host.ts";
import { connectByVeth, connectByWire, type End, type Link, type Wire } from "./link.ts";
import { run } from "./processes.ts";
import { debianRoot } from "./roots.ts";

const PREFIX = "econtext-lab-";
const MACHINES = ["web1", "web2", "web3"] as const;
type Machine = (typeof MACHINES)[number];
export type Name = "bastion" | Machine;
/** Number of a laboratory: of its folder, of its network and of its device on this machine. */
const MAX_LABS = 250;
const POLL_MS = 20;

export interface LabOptions {
  /** Hosts whose link, towards this machine, is a wire: see `wire`. */
  readonly wires?: readonly Name[];
  /** The hosts there are besides the bastion; all by default. */
  readonly machines?: readonly Machine[];
  /** Of `bea`, everywhere. Without it, she has none. */
  readonly password?: string;
}

/** Why there can be no laboratory here; undefined when there can. */
export function missingLab(): string | undefined {
  if (process.getuid?.() !== 0) return "no root (network namespaces)";
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const needed = { unshare: "util-linux", ip: "iproute2", sshd: "openssh-server", sudo: "sudo" };
  const programs = { ...needed, ssh: "openssh-client", podman: "podman", runc: "runc" };
  for (const [program, name] of Object.entries(programs)) {
    if (Bun.which(program, { PATH: path }) === null) {
      return `no ${program} on this machine (Debian package ${name})`;
    }
  }
  const trial = Bun.spawnSync(["unshare", "--mount", "--net", "--pid", "--fork", "true"]);
  if (trial.exitCode !== 0) return `no namespaces: ${trial.stderr.toString().trim()}`;
  return debianRoot().missing;
}

export class Lab implements AsyncDisposable {
  /** For `ssh -F`: has the host `bastion`, and no other. */
  readonly configPath: string;
  /** The same, and the machines as `ssh -J bastion` reaches them, with the bastion's key. */
  readonly jumpConfigPath: string;
  readonly #dir: string;
  readonly #number: number;
  readonly #hosts = new Map<Name, Host>();
  readonly #links = new Map<Name, Link>();

  private constructor(number: number, dir: string) {
    this.#number = number;
    this.#dir = dir;
    this.configPath = join(dir, "ssh_config");
    this.jumpConfigPath = join(dir, "ssh_config.jump");
  }

  static async open(options: LabOptions = {}): Promise<Lab> {
    sweep();
    const lab = new Lab(...claim());
    try {
      await lab.#build(options);
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build({ wires = [], machines = MACHINES, password }: LabOptions): Promise<void> {
    const names: Name[] = ["bastion", ...machines];
    const keys = await makeKeys(join(this.#dir, "keys"), ["outer", "inner", ...names]);
    const outside = clientConfig(
      [`Host bastion`, `HostName 10.213.${String(this.#number)}.2`, "HostKeyAlias bastion"],
      join(this.#dir, "keys", "outer"),
      join(this.#dir, "known_hosts"),
    );
    writeFileSync(this.configPath, outside);
    writeFileSync(join(this.#dir, "known_hosts"), knownHosts(["bastion", ...machines], keys));
    const inner = { key: join(this.#dir, "keys", "inner"), known: join(this.#dir, "known_hosts") };
    writeFileSync(this.jumpConfigPath, `${outside}\n${inside(machines, inner)}`);
    const plans = names.map((name): HostPlan => {
      const shared = {
        "etc/ssh/sshd_config": serverConfig(),
        "etc/ssh/host_key": keys[name]?.private ?? "",
        "etc/ssh/authorized_keys": keys[name === "bastion" ? "outer" : "inner"]?.public ?? "",
        ...(password === undefined ? {} : { "etc/lab-password": password }),
      };
      const client = name === "bastion" ? insideFiles(machines, keys) : NO_CLIENT;
      const lower = name === "web2" ? debianRoot().path : "/";
      const box = name === "web1" ? { box: debianRoot().path } : {};
      return { name, lower, files: { ...shared, ...client }, ...box };
    });
    await Promise.all(
      plans.map(async (plan) => {
        const host = await Host.start(this.#dir, plan);
        this.#hosts.set(plan.name as Name, host);
        if (host.box !== undefined) writeFileSync(join(this.#dir, `box-${host.box}`), "");
      }),
    );
    await Promise.all(names.map((name) => this.#connect(name, wires.includes(name))));
  }

  async #connect(name: Name, isWire: boolean): Promise<void> {
    const { pid } = this.host(name);
    const net = `10.213.${String(this.#number)}`;
    const [a, b]: [End, End] =
      name === "bastion"
        ? [
            { pid: "self", device: `eclab${String(this.#number)}`, address: `${net}.1` },
            { pid, device: "eth0", address: `${net}.2` },
          ]
        : [
            { pid: this.host("bastion").pid, device: name, address: "172.30.0.1" },
            { pid, device: "eth0", address: addressOf(name) },
          ];
    const wire = join(this.#dir, `${name}.wire`);
    this.#links.set(name, isWire ? await connectByWire(a, b, wire) : await connectByVeth(a, b));
  }

  host(name: Name): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`the laboratory has no ${name}`);
    return host;
  }

  /** The link that leads to a host from the one before it. */
  link(name: Name): Link {
    const link = this.#links.get(name);
    if (link === undefined) throw new Error(`there is no link to ${name}`);
    return link;
  }

  /** The same, of a host in `LabOptions.wires`. */
  wire(name: Name): Wire {
    return this.link(name) as Wire;
  }

  /** Bytes that this machine has sent to the bastion, with the headers of all protocols. */
  sentBytes(): number {
    const counter = `/sys/class/net/eclab${String(this.#number)}/statistics/tx_bytes`;
    return Number(readFileSync(counter, "utf8"));
  }

  /** What runs on any host, in any session or container, and was not there at the start. */
  strays(): Marked[] {
    return [...this.#hosts.values()].flatMap((host) => host.strays());
  }

  /** Waits until nothing runs anywhere that was not there at the start. @returns milliseconds */
  async emptied(withinMs: number): Promise<number> {
    const began = performance.now();
    for (;;) {
      const left = this.strays();
      const took = performance.now() - began;
      if (left.length === 0) return took;
      if (took > withinMs) {
        const lines = left.map(
          ({ pid, parent, command }) =>
            `${String(pid)} of ${String(parent)}: ${command.trim().slice(0, 80)}`,
        );
        throw new Error(`left after ${String(withinMs)} ms:\n${lines.join("\n")}`);
      }
      await Bun.sleep(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const hosts = [...this.#hosts.values()];
    const boxes = hosts.flatMap(({ box }) => box ?? []);
    for (const link of this.#links.values()) link[Symbol.dispose]();
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    for (const id of boxes) removeGroups(id);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The first number that no laboratory has, and its new folder. */
function claim(): [number, string] {
  const first = Math.floor(Math.random() * MAX_LABS);
  for (let i = 0; i < MAX_LABS; i++) {
    const number = 1 + ((first + i) % MAX_LABS);
    const dir = join(tmpdir(), `${PREFIX}${String(number)}`);
    try {
      mkdirSync(dir, { mode: 0o755 });
    } catch {
      continue;
    }
    writeFileSync(join(dir, "owner"), String(process.pid));
    return [number, dir];
  }
  throw new Error(`${String(MAX_LABS)} laboratories are open`);
}

/** Removes what laboratories left whose tests were killed. Their hosts are gone already. */
function sweep(): void {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
    const dir = join(tmpdir(), name);
    try {
      if (isRunning(Number(readFileSync(join(dir, "owner"), "utf8")))) continue;
      for (const id of readdirSync(dir).filter((file) => file.startsWith("box-"))) {
        removeGroups(id.slice("box-".length));
      }
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // It is being made, or another process removes it.
    }
  }
}

/** podman's control groups are the machine's, and no namespace ends them. */
function removeGroups(id: string): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...readdirSync(root)]) {
    removeGroup(join(root, hierarchy, "libpod_parent", `libpod-${id}`));
  }
}

/** A control group is removed as an empty folder is, though it has files. */
function removeGroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(path, entry.name));
  }
  try {
    rmdirSync(path);
  } catch {
    // It is in use.
  }
}

interface Key {
  readonly private: string;
  readonly public: string;
}
type Keys = Readonly<Record<string, Key>>;

async function makeKeys(dir: string, names: readonly string[]): Promise<Keys> {
  mkdirSync(dir, { mode: 0o700 });
  const made = names.map(async (name) => {
    const path = join(dir, name);
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path]);
    const pair = {
      private: readFileSync(path, "utf8"),
      public: readFileSync(`${path}.pub`, "utf8"),
    };
    return [name, pair] as const;
  });
  return Object.fromEntries(await Promise.all(made));
}

function knownHosts(names: readonly string[], keys: Keys): string {
  return names.map((name) => `${name} ${keys[name]?.public ?? ""}`).join("");
}

function addressOf(machine: Machine): string {
  return `172.30.0.${String(11 + MACHINES.indexOf(machine))}`;
}

const NO_CLIENT = { "etc/ssh/client/known_hosts": "" };

/** What the bastion's users have in ~/.ssh. */
function insideFiles(machines: readonly Machine[], keys: Keys): Record<string, string> {
  return {
    "etc/ssh/client/config": inside(machines, {
      key: "~/.ssh/id_ed25519",
      known: "~/.ssh/known_hosts",
    }),
    "etc/ssh/client/id_ed25519": keys["inner"]?.private ?? "",
    "etc/ssh/client/known_hosts": knownHosts(machines, keys),
  };
}

/** The machines behind the bastion. `web1-7` is web1 by another name. */
function inside(machines: readonly Machine[], paths: { key: string; known: string }): string {
  return machines
    .map((name) => {
      const host = [
        `Host ${name} ${name}-*`,
        `HostName ${addressOf(name)}`,
        `HostKeyAlias ${name}`,
      ];
      return clientConfig(host, paths.key, paths.known);
    })
    .join("\n");
}

function clientConfig(host: readonly string[], key: string, known: string): string {
  const lines = [
    ...host,
    "User ada",
    `IdentityFile ${key}`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    `UserKnownHostsFile ${known}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "UpdateHostKeys no",
    "PreferredAuthentications publickey",
    "ControlPath none",
    "LogLevel ERROR",
  ];
  return `${lines.join("\n")}\n`;
}

function serverConfig(): string {
  const lines = [
    "HostKey /etc/ssh/host_key",
    "AuthorizedKeysFile /etc/ssh/authorized_keys",
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin yes",
    "MaxStartups 500",
    "PerSourceMaxStartups none",
    "MaxSessions 200",
    "PrintMotd no",
    "PrintLastLog no",
    "Subsystem sftp internal-sftp",
    // Debian's bash reads ~/.bashrc for ssh commands unless SHLVL says that it is nested.
    `SetEnv SHLVL=7 ECONTEXT_TEST_RUN=${RUN_ID}`,
  ];
  return `${lines.join("\n")}\n`;
}
