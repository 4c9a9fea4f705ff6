/** What ssh tells a person of host keys, in its own words. */
import { createHash } from "node:crypto";
import type { HostKey, NamedKey } from "./known-hosts.ts";
import type { HostKeySettings } from "./settings.ts";
import { homeFolder } from "./tokens.ts";

export const RULE = "@".repeat(59);
/** Other names of a key that a question shows. */
const SHOWN_NAMES = 8;

export function fingerprintOf({ key }: HostKey, { fingerprint }: HostKeySettings): string {
  const hash = createHash(fingerprint).update(Buffer.from(key, "base64"));
  if (fingerprint === "md5") return `MD5:${hash.digest("hex").match(/../g)?.join(":")}`;
  return `SHA256:${hash.digest("base64").replace(/=+$/, "")}`;
}

/** As ssh names the types of keys for people. */
export function kindOf({ type }: HostKey): string {
  if (type.startsWith("ecdsa-")) return "ECDSA";
  return { "ssh-ed25519": "ED25519", "ssh-rsa": "RSA", "ssh-dss": "DSA" }[type] ?? type;
}

/**
 * @param name of the host, as known_hosts has it
 * @param at its address; "" behind a proxy
 * @param others where the same key stands by other names
 */
export function questionText(
  key: HostKey,
  print: string,
  { name, at, others }: { name: string; at: string; others: readonly NamedKey[] },
): string {
  const shown = others.slice(0, SHOWN_NAMES).map(({ place, names }) => {
    const file = place.replace(`${homeFolder()}/`, "~/");
    return `    ${file}: ${names.startsWith("|1|") ? "[hashed name]" : names}\n`;
  });
  const more = others.length - shown.length;
  if (more > 0) shown.push(`    (${more} additional names omitted)\n`);
  const known =
    shown.length === 0
      ? "This key is not known by any other names.\n"
      : `This host key is known by the following other names/addresses:\n${shown.join("")}`;
  return (
    `The authenticity of host '${name}${at === "" ? "" : ` (${at})`}' can't be established.\n` +
    `${kindOf(key)} key fingerprint is ${print}.\n${known}` +
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
  );
}

export function changedText(key: HostKey, print: string, file: string, place: string): string {
  return [
    RULE,
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    RULE,
    "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
    "Someone could be eavesdropping on you right now (man-in-the-middle attack)!",
    "It is also possible that a host key has just been changed.",
    `The fingerprint for the ${kindOf(key)} key sent by the remote host is`,
    `${print}.`,
    "Please contact your system administrator.",
    `Add correct host key in ${file} to get rid of this message.`,
    `Offending ${kindOf(key)} key in ${place}`,
    "",
  ].join("\r\n");
}

export function revokedText(key: HostKey, name: string, place: string): string {
  return [
    RULE,
    "@       WARNING: REVOKED HOST KEY DETECTED!               @",
    RULE,
    `The ${kindOf(key)} host key for ${name} is marked as revoked (${place}).`,
    "This could mean that a stolen key is being used to impersonate this host.",
    "",
  ].join("\r\n");
}
