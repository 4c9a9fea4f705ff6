/**
 * What ssh prints when it fails: the lines that matter, and what they tell. Pure. OpenSSH does not
 * translate these words.
 */
import { quoteForPosixShell } from "../shell-quote.ts";

/** Warnings and advice around what is wrong, and the ends that follow from it. */
const ASIDE =
  /^(?:@.*@|IT IS POSSIBLE THAT .*|Someone could be .*|It is also possible that .*|Please contact your system .*|Add correct host key in .*| *remove with:| *ssh-keygen -f .*|stdio forwarding failed|Connection closed by UNKNOWN port 65535)$/;
/** What a client says whose jump host has failed. */
const JUMP_ENDED = "kex_exchange_identification: Connection closed by remote host";
/** The fingerprint stands on the next line. */
const FINGERPRINT = /^(The fingerprint for .* is)\s+/gm;

const OFFENDING = /^Offending \S+ key in (\/[^\p{Cc}]*):\d+\s*$/mu;
const CHANGED = /[Hh]ost key for ([\w.:[\]-]+) has changed/;

/** @param stderr of a client that said why it failed */
export function worthQuoting(stderr: string): string {
  const lines = stderr
    .replaceAll("\r", "")
    .replace(FINGERPRINT, "$1 ")
    .split("\n")
    .filter((line) => line !== "" && !ASIDE.test(line));
  if (lines.length > 1 && lines.at(-1) === JUMP_ENDED) lines.pop();
  return lines.join("\n");
}

/**
 * With `StrictHostKeyChecking no`, ssh only warns of what it would refuse otherwise, in a box.
 *
 * @param stderr of a client that is connected
 */
export function alarmIn(stderr: string): string | undefined {
  const isRevoked = /REVOKED HOST KEY DETECTED/.test(stderr);
  if (!isRevoked && !/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(stderr)) return undefined;
  const what = isRevoked ? "is revoked" : "has changed";
  return `the host key ${what}: this may be another machine, and StrictHostKeyChecking lets it pass`;
}

/** @returns the command that removes a host key that has changed; undefined: it is not known */
export function removalOf(stderr: string): string | undefined {
  const [, file] = OFFENDING.exec(stderr) ?? [];
  const [, name] = CHANGED.exec(stderr) ?? [];
  if (file === undefined || name === undefined) return undefined;
  return `ssh-keygen -f ${quoteForPosixShell(file)} -R ${quoteForPosixShell(name)}`;
}

/** @returns the command that adds keys to the agent */
export function addingToAgent(files: readonly string[]): string {
  return ["ssh-add", ...files].map(quoteForPosixShell).join(" ");
}
