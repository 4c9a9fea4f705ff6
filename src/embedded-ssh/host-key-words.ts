/** What ssh tells and asks a person about host keys, in its own words. */
import { createHash } from "node:crypto";
import type { Asker } from "../launch/child.ts";
import { answerTo } from "./answers.ts";
import type { HostKey, KnownKey } from "./known-hosts.ts";
import type { HostKeySettings } from "./settings.ts";

const RULE = "@".repeat(59);
/** Other names of a key that a question shows. */
const SHOWN_NAMES = 8;

export function fingerprintOf({ key }: HostKey, { fingerprint }: HostKeySettings): string {
  const hash = createHash(fingerprint).update(Buffer.from(key, "base64"));
  if (fingerprint === "md5") return `MD5:${hash.digest("hex").match(/../g)?.join(":")}`;
  return `SHA256:${hash.digest("base64").replace(/=+$/, "")}`;
}

/** As ssh names the types of keys for people. */
export function keyTypeOf({ type }: HostKey): string {
  if (type.startsWith("ecdsa-")) return "ECDSA";
  return { "ssh-ed25519": "ED25519", "ssh-rsa": "RSA", "ssh-dss": "DSA" }[type] ?? type;
}

/**
 * @param name of the host, as known_hosts has it
 * @param at its address
 * @param others where the same key stands by other names
 */
export function questionText(
  key: HostKey,
  print: string,
  { name, at, others }: { name: string; at: string; others: readonly KnownKey[] },
): string {
  // ssh itself takes the variable here.
  const home = process.env["HOME"] || "/";
  const shown = others.slice(0, SHOWN_NAMES).map(({ place, names }) => {
    const file = place.startsWith(`${home}/`) ? `~${place.slice(home.length)}` : place;
    return `    ${file}: ${names.startsWith("|1|") ? "[hashed name]" : names}\n`;
  });
  const more = others.length - shown.length;
  if (more > 0) shown.push(`    (${more} additional names omitted)\n`);
  const known =
    shown.length === 0
      ? "This key is not known by any other names.\n"
      : `This host key is known by the following other names/addresses:\n${shown.join("")}`;
  return (
    `The authenticity of host '${name} (${at})' can't be established.\n` +
    `${keyTypeOf(key)} key fingerprint is ${print}.\n${known}` +
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
  );
}

/** @param line the known key */
export function changedText(key: HostKey, settings: HostKeySettings, line: KnownKey): string {
  const file = [...settings.userFiles, ...settings.globalFiles].at(0) ?? "known_hosts";
  return [
    RULE,
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    RULE,
    "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
    "Someone could be eavesdropping on you right now (man-in-the-middle attack)!",
    "It is also possible that a host key has just been changed.",
    `The fingerprint for the ${keyTypeOf(key)} key sent by the remote host is`,
    `${fingerprintOf(key, settings)}.`,
    "Please contact your system administrator.",
    `Add correct host key in ${file} to get rid of this message.`,
    `Offending ${keyTypeOf(line)} key in ${line.place}`,
    "",
  ].join("\r\n");
}

/** @param line the one that revokes the key */
export function revokedText(key: HostKey, name: string, line: KnownKey): string {
  return [
    RULE,
    "@       WARNING: REVOKED HOST KEY DETECTED!               @",
    RULE,
    `The ${keyTypeOf(key)} host key for ${name} is marked as revoked (${line.place}).`,
    "This could mean that a stolen key is being used to impersonate this host.",
    "",
  ].join("\r\n");
}

/**
 * The address of a host is known by another key than the host.
 *
 * @param at the address
 * @param lines those that have the two keys
 */
export function addressText(
  key: HostKey,
  name: string,
  at: string,
  lines: { readonly address: KnownKey | undefined; readonly name: KnownKey | undefined },
): string {
  const matching = lines.name === undefined ? "" : `\nMatching host key in ${lines.name.place}`;
  return (
    `Warning: the ${keyTypeOf(key)} host key for '${name}' differs from the key for the IP address ` +
    `'${at}'\nOffending key for IP in ${lines.address?.place}${matching}`
  );
}

/** Follows the warning about a key that is not the known one, if the login goes on. */
export const NO_PASSWORDS =
  "Password authentication is disabled to avoid man-in-the-middle attacks.\r\n" +
  "Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks.\r\n";
export const NO_AGENT = "Agent forwarding is disabled to avoid man-in-the-middle attacks.\r\n";

/**
 * Asks a question that is answered by yes or no.
 *
 * @param again the question after another answer
 * @param print a fingerprint that means yes; undefined: none does
 */
export async function isYes(
  asker: Asker | undefined,
  question: string,
  { again, print }: { readonly again: string; readonly print: string | undefined },
): Promise<boolean> {
  for (let text = question; ; text = again) {
    const answer = (await answerTo(asker, text))?.trim();
    if (answer === undefined) return false;
    if (/^yes$/i.test(answer) || answer === print) return true;
    if (answer === "" || /^no$/i.test(answer)) return false;
  }
}
