/**
 * Keys of a login that have a passphrase. Where nothing can ask for it, ssh leaves them out, and
 * says only that the login was refused.
 */
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { BootstrapError, type EcontextError } from "../errors.ts";
import { Turns } from "../io/turns.ts";
import { neutralise } from "../text.ts";
import { account } from "../transports/account.ts";
import { addingToAgent } from "../transports/ssh-said.ts";
import type { Transport } from "../transports/transport.ts";
import { clearPartOf } from "./openssh-key.ts";

/** Milliseconds for the client to tell its configuration: a command in it may hang. */
const GIVE_UP_MS = 2000;
/** Clients at a time: the logins of a whole fleet may be refused. */
const turns = new Turns(8);

/** @returns the files of the client's configuration that hold a key with a passphrase */
export async function lockedKeys(transport: Transport): Promise<readonly string[]> {
  const [program = "", ...options] = transport.wrap([]);
  // Another program may not know this option.
  if (basename(program) !== "ssh") return [];
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  try {
    const told = await turns.run(() => {
      signal.throwIfAborted();
      const stdio = ["ignore", "pipe", "ignore"] as const;
      return Bun.spawn([program, "-G", ...options], { stdio: [...stdio], signal }).stdout.text();
    });
    const files = told.matchAll(/^identityfile (.*)$/gm);
    return [...files]
      .map(([, file = ""]) => file.replace(/^~(?=\/)/, account().home))
      .filter(isLocked);
  } catch {
    return [];
  }
}

/** @returns the error of a login that was refused, with what to do about such keys */
export function withLockedKeys(error: EcontextError, files: readonly string[]): EcontextError {
  if (files.length === 0 || !(error instanceof BootstrapError)) return error;
  const command = addingToAgent(files);
  const keys = files.length === 1 ? "the key" : "the keys";
  const has = files.length === 1 ? "it has a passphrase" : "they have passphrases";
  const told = `\n  try: add ${keys} to the agent, because ${has}: ${neutralise(command)}; else `;
  const message = error.message.replace("\n  try: ", () => told);
  return new BootstrapError(error.code, message, error.report, { cause: error.cause });
}

function isLocked(file: string): boolean {
  try {
    // Reading a pipe would wait for another process.
    if (!statSync(file).isFile()) return false;
    const text = readFileSync(file, "latin1");
    const cipher = clearPartOf(text)?.cipher;
    if (cipher !== undefined) return cipher !== "none";
    return /^(?:Proc-Type: .*ENCRYPTED|-----BEGIN ENCRYPTED)/m.test(text);
  } catch {
    return false; // it is absent
  }
}
