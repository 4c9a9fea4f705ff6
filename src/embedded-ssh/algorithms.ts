/**
 * Chooses the algorithms that are offered to a server: those that the configuration names and the
 * package ssh2 has. A list that the user has changed is a demand. If ssh2 lacks one of its names,
 * the host is refused: otherwise a weaker algorithm would be used without notice.
 */
import type { Algorithms } from "ssh2";
import type { SshConfiguration } from "./configuration.ts";

/**
 * Names that the package can use. They are in the order in which they are preferred where the user
 * has not changed ssh's own list; of host keys, ssh's order counts. Of those that are equally
 * strong, the one that costs least is first: servers compute P-256 in a fraction of the time that
 * they need for Curve25519, and AES with GCM in one pass.
 */
const SUPPORTED: Readonly<Record<List, readonly string[]>> = {
  kexalgorithms: [
    ...["ecdh-sha2-nistp256", "curve25519-sha256", "curve25519-sha256@libssh.org"],
    ...["ecdh-sha2-nistp384", "ecdh-sha2-nistp521"],
    ...["diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512"],
    ...["diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256"],
    ...["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1"],
    "diffie-hellman-group1-sha1",
  ],
  ciphers: [
    ...["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"],
    ...["aes128-ctr", "aes192-ctr", "aes256-ctr"],
    ...["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
  ],
  macs: [
    ...["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
    ...["hmac-sha1-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1"],
    ...["hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
  ],
  hostkeyalgorithms: [
    ...["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"],
    ...["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ssh-dss"],
  ],
};

type List = "kexalgorithms" | "ciphers" | "macs" | "hostkeyalgorithms";

/** The options as ssh_config(5) spells them. */
const SPELT: Readonly<Record<List, string>> = {
  kexalgorithms: "KexAlgorithms",
  ciphers: "Ciphers",
  macs: "MACs",
  hostkeyalgorithms: "HostKeyAlgorithms",
};
/** Kinds of host keys that a server has besides a plain one. */
const CERTIFICATE = /-cert-v\d\d@openssh\.com$/;
const SECURITY_KEY = /^sk-/;

export interface Offer {
  readonly algorithms: Algorithms;
  /** Whether the user chose the algorithms of host keys, and with them their order. */
  readonly hasOwnKeyOrder: boolean;
}

/** @returns the algorithms to offer, or the reason why the host is refused */
export function offerOf(
  configuration: SshConfiguration,
  usual: SshConfiguration,
): Offer | { readonly refusal: string } {
  const lists: Partial<Record<List, readonly string[]>> = {};
  for (const list of Object.keys(SUPPORTED) as List[]) {
    const read = readList(list, listOf(configuration, list), listOf(usual, list));
    if (typeof read === "string") return { refusal: read };
    lists[list] = read;
  }
  const isCompressed = configuration.get("compression")?.[0] === "yes";
  return {
    algorithms: {
      kex: lists.kexalgorithms,
      cipher: lists.ciphers,
      hmac: lists.macs,
      serverHostKey: lists.hostkeyalgorithms,
      compress: isCompressed ? ["zlib@openssh.com", "none"] : ["none"],
    } as Algorithms,
    hasOwnKeyOrder: !isInOrder(
      listOf(configuration, "hostkeyalgorithms"),
      listOf(usual, "hostkeyalgorithms"),
    ),
  };
}

/**
 * Whether a list is the usual one after `-NAME` or `+NAME`. Its order is not the user's then: ssh
 * asks for known types first. `ssh -G` does not print the sign.
 */
function isInOrder(names: readonly string[], usual: readonly string[]): boolean {
  const kept = usual.filter((name) => names.includes(name));
  return kept.every((name, at) => names[at] === name);
}

function listOf(configuration: SshConfiguration, list: List): readonly string[] {
  return (configuration.get(list)?.[0] ?? "").split(",").filter((name) => name !== "");
}

function readList(
  list: List,
  names: readonly string[],
  usual: readonly string[],
): readonly string[] | string {
  const offered = names.filter((name) => SUPPORTED[list].includes(name));
  const lacking = names.filter((name) => !offered.includes(name) && !isOptional(list, name));
  // With `+NAME` or `-NAME` the usual names are not the user's demand.
  const isChanged = names.join() !== usual.join();
  const hasAllUsual = usual.every((name) => names.includes(name));
  const demanded = hasAllUsual ? lacking.filter((name) => !usual.includes(name)) : lacking;
  if (isChanged && demanded.length > 0)
    return `${SPELT[list]} names ${demanded.join(", ")}, which it lacks`;
  if (offered.length === 0) return `${SPELT[list]} names nothing that it has`;
  const hasOwnOrder = isChanged || list === "hostkeyalgorithms";
  return hasOwnOrder ? offered : SUPPORTED[list].filter((name) => offered.includes(name));
}

/** Host keys that a server is not asked for: it has a plain one besides. */
function isOptional(list: List, name: string): boolean {
  return list === "hostkeyalgorithms" && (CERTIFICATE.test(name) || SECURITY_KEY.test(name));
}
