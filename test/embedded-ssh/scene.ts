/**
 * A real sshd with keys of several types, and runs of both clients against it: with the same files
 * and the same answers, the embedded ssh does what the system's ssh does.
 */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { run as runTool } from "../helpers/scratch-user.ts";
import type { SshServer } from "../helpers/ssh-files.ts";
import { startSshd } from "../helpers/sshd.ts";
import { type Outcome, type Run, withEmbedded, withSsh } from "./compare.ts";

export const TYPES = { ed25519: [], ecdsa: ["-b", "384"], rsa: ["-b", "3072"] } as const;
/** An address of this machine that is not of the loopback network; undefined: it has none. */
export const OWN_ADDRESS = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
export const OK = { status: 3, stdout: "ok\nin\n" } as const;

/** Inside of a `suite`: begins before its tests, and ends after them. */
export function optionScene() {
  const folder = mkdtempSync(join(tmpdir(), "econtext-embedded-"));
  const at = (name: string): string => join(folder, name);
  const text = (name: string): string => readFileSync(at(name), "utf8").trim();
  let server: SshServer;
  let count = 0;

  const makeKey = (name: string, type: string, ...more: string[]): void => {
    runTool(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", at(name), ...more]);
  };

  beforeAll(async () => {
    for (const [type, more] of Object.entries(TYPES)) {
      makeKey(`host_${type}`, type, ...more);
      makeKey(`user_${type}`, type, ...more);
    }
    makeKey("other", "ed25519");
    runTool(["cp", "-p", at("user_ed25519"), at("locked")]);
    runTool(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", at("locked")]);
    runTool(["cp", "-p", at("user_rsa"), at("locked_pem")]);
    const toPem = ["-m", "PEM", "-P", "", "-N", "open sesame", "-f", at("locked_pem")];
    runTool(["ssh-keygen", "-q", "-p", ...toPem]);
    runTool(["cp", "-p", at("user_ed25519"), at("too_open")]);
    runTool(["chmod", "644", at("too_open")]);
    makeKey("ca", "ed25519");
    const keys = Object.keys(TYPES);
    const authorized = keys.map((type) => text(`user_${type}.pub`)).join("\n");
    writeFileSync(at("authorized_keys"), `${authorized}\n`);
    server = await startSshd({
      config: [
        ...keys.map((type) => `HostKey ${at(`host_${type}`)}`),
        `AuthorizedKeysFile ${at("authorized_keys")}`,
        `TrustedUserCAKeys ${at("ca.pub")}`,
        "AcceptEnv GREETING LC_*",
        `Banner ${at("banner")}`,
        ...(OWN_ADDRESS === undefined ? [] : [`ListenAddress ${OWN_ADDRESS}`]),
      ],
    });
    writeFileSync(at("banner"), "be welcome\n");
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const hostKey = (type: string, name?: string): string => {
    const [kind, key] = text(`host_${type}.pub`).split(" ");
    return `${name ?? `[127.0.0.1]:${server.port}`} ${kind} ${key}\n`;
  };
  /** A host key that is the right one, and a user key that is taken. */
  const usual = (): Run => ({
    lines: [
      "Host *",
      "  HostName 127.0.0.1",
      `  Port ${server.port}`,
      "  UserKnownHostsFile DIR/known_hosts",
      "  GlobalKnownHostsFile /dev/null",
      "  UpdateHostKeys no",
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      `  KexAlgorithms curve25519-sha256`,
    ],
    known: hostKey("ed25519"),
  });
  const withLines = (lines: readonly string[], more: Partial<Run> = {}): Run => {
    const { lines: own, ...rest } = usual();
    // The first value counts.
    const key = `  IdentityFile ${at("user_ed25519")}`;
    return { ...rest, ...more, lines: [...lines, ...own, key] };
  };

  /** @returns a folder for one more run */
  const another = (): string => at(`run${++count}`);

  async function both(run: Run): Promise<readonly [Outcome, Outcome]> {
    const dir = another();
    return Promise.all([withSsh(`${dir}a`, run), withEmbedded(`${dir}b`, run)]);
  }

  /** What must be the same, and what both must be. */
  async function same(run: Run, is: Partial<Outcome>): Promise<Outcome> {
    const [theirs, ours] = await both(run);
    const { stderr, known, ...compared } = ours;
    const { stderr: said, known: learned, ...wanted } = theirs;
    expect({ ...compared, stderr }).toMatchObject({ ...is });
    expect({ ...compared, lines: linesOf(known) }).toEqual({ ...wanted, lines: linesOf(learned) });
    return ours;
  }

  const linesOf = (known: string): number => known.trim().split("\n").filter(Boolean).length;

  const port = (): number => server.port;
  return { folder, at, text, another, makeKey, hostKey, usual, withLines, both, same, port };
}
