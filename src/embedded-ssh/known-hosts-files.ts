/**
 * The sources of known host keys: the known-hosts files of the user and of the system, and
 * KnownHostsCommand. Reads and writes the files. Does not judge a key.
 */
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { NotAFile, readKeyBytesIfAny } from "./key-text.ts";
import {
  type HostKey,
  type KnownKey,
  knownHostsLines,
  knownKeys,
  linesHolding,
  linesNaming,
  withoutOtherKeys,
} from "./known-hosts.ts";
import type { HostKeySettings, SshSettings } from "./settings.ts";
import { reasonOf } from "./system-errors.ts";
import { expandAll } from "./tokens.ts";

/** A source of known hosts cannot be used: the host is refused, as by ssh. */
class KnownHostsProblem extends Error {}

/** The files that the configuration names, in ssh's order. */
export class KnownHostsFiles {
  readonly #settings: HostKeySettings;

  constructor(settings: HostKeySettings) {
    this.#settings = settings;
  }

  /** @param host as known_hosts names it @throws {KnownHostsProblem} */
  keysOf(host: string): KnownKey[] {
    return this.#all.flatMap((file) => knownKeys(readFile(file), host, file));
  }

  /** @returns the lines without a marker that hold the key, by any names */
  linesWith(key: HostKey): KnownKey[] {
    const isPlain = ({ marker }: KnownKey): boolean => marker === undefined;
    return this.#all.flatMap((file) => linesHolding(readFile(file), key, file)).filter(isPlain);
  }

  /** @returns the lines of the user's files that name one of the hosts, damaged ones as well */
  userLinesOf(hosts: readonly string[]): KnownKey[] {
    return this.#settings.userFiles.flatMap((file) => linesNaming(readFile(file), hosts, file));
  }

  /** @returns the lines of the user's files that hold the key, by any names */
  userLinesWith(key: HostKey): KnownKey[] {
    return this.#settings.userFiles.flatMap((file) => linesHolding(readFile(file), key, file));
  }

  /** Whether a key was found in one of the user's files. */
  isOfUser({ place }: KnownKey): boolean {
    return this.#settings.userFiles.some((file) => place.startsWith(`${file}:`));
  }

  /** The file that new keys are written to; undefined: none is written. */
  get #own(): string | undefined {
    const [file] = this.#settings.userFiles;
    return file === "/dev/null" ? undefined : file;
  }

  /** @returns the file; undefined if there is none to write to @throws the system's error */
  add(hosts: readonly string[], key: HostKey): string | undefined {
    const file = this.#own;
    if (file === undefined) return undefined;
    const folder = dirname(file);
    // As ssh does: a home folder that does not exist is not made.
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    appendLines(file, knownHostsLines(hosts, key, this.#settings.isHashed));
    return file;
  }

  /**
   * Makes these the only keys of a host: adds the new ones to the first of the user's files, and
   * removes all others from each of them. Lines with a marker stay. The previous content of a file
   * from which lines are removed is kept as `known_hosts.old`.
   *
   * @throws the system's error
   */
  replace(hosts: readonly string[], keys: readonly HostKey[], fresh: readonly HostKey[]): void {
    const { userFiles, isHashed } = this.#settings;
    for (const file of userFiles) {
      const before = readFile(file).toString("latin1");
      const kept = withoutOtherKeys(before, hosts, keys);
      const added = file === this.#own ? fresh : [];
      const lines = added.map((key) => knownHostsLines(hosts, key, isHashed)).join("");
      if (kept === before && lines === "") continue;
      if (kept === before) appendLines(file, lines);
      else overwrite(file, kept + (/[^\n]$/.test(kept) ? "\n" : "") + lines);
    }
  }

  get #all(): string[] {
    return [...this.#settings.userFiles, ...this.#settings.globalFiles];
  }
}

/** @throws {KnownHostsProblem} reading the file would wait, or no further file can be opened */
function readFile(file: string): Buffer {
  try {
    return readKeyBytesIfAny(file);
  } catch (error) {
    if (error instanceof NotAFile) throw new KnownHostsProblem(error.message);
    throw new KnownHostsProblem(`${file}: ${reasonOf(error as NodeJS.ErrnoException)}`);
  }
}

/** @throws the system's error */
function appendLines(file: string, lines: string): void {
  const isCut = /[^\n]$/.test(readFile(file).subarray(-1).toString("latin1"));
  appendFileSync(file, (isCut ? "\n" : "") + lines, { encoding: "latin1", mode: 0o600 });
}

/** Replaces a file at once, so that a reader finds the old or the new one. */
function overwrite(file: string, text: string): void {
  const [temporary, backup] = [`${file}.${process.pid}.new`, `${file}.old`];
  try {
    writeFileSync(temporary, text, { encoding: "latin1", mode: 0o600, flag: "wx" });
    rmSync(backup, { force: true });
    linkSync(file, backup);
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A question to KnownHostsCommand. */
export interface Query {
  readonly reason: "ORDER" | "HOSTNAME" | "ADDRESS";
  /** As known_hosts names it. */
  readonly host: string;
  /** Absent before the server has shown one. */
  readonly key?: HostKey & { readonly fingerprint: string };
  /** Ends the command. */
  readonly signal: AbortSignal;
  /** Gets the error output of the command. */
  say(text: string): void;
}

export const COMMAND_PLACE = "KnownHostsCommand";

/**
 * KnownHostsCommand prints lines of a known-hosts file. It is started without a shell.
 *
 * @throws {KnownHostsProblem} it failed
 */
export async function askKnownHostsCommand(
  settings: SshSettings,
  { reason, host, key, signal, say }: Query,
): Promise<KnownKey[]> {
  const { command } = settings.hostKey;
  if (command === undefined) return [];
  const own = {
    f: key?.fingerprint ?? "NONE",
    H: host,
    I: reason,
    K: key?.key ?? "NONE",
    t: key?.type ?? "NONE",
  };
  // The path stays as it is, as with ssh.
  const [path = "", ...words] = splitWords(command);
  const argv = [path, ...words.map((word) => expandAll(word, settings, own))];
  // ssh goes on without it.
  if (!isAbsolute(path)) {
    say(`KnownHostsCommand-${reason} path is not absolute\r\n`);
    return [];
  }
  const { lines, errors, status } = await runCommand(argv, signal);
  say(errors);
  if (status !== 0) throw new KnownHostsProblem(`${path} ended with status ${status}`);
  return knownKeys(lines, host, COMMAND_PLACE);
}

async function runCommand(argv: readonly string[], signal: AbortSignal) {
  try {
    const child = Bun.spawn([...argv], { stdio: ["ignore", "pipe", "pipe"], signal });
    const [lines, errors] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
    return { lines: Buffer.from(lines), errors, status: await child.exited };
  } catch (error) {
    throw new KnownHostsProblem(error instanceof Error ? error.message : String(error));
  }
}

/** Words as ssh splits them: quotes hold a word together. */
function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_all, double?: string, single?: string) =>
      double === undefined ? (single ?? "") : double.replace(/\\(.)/g, "$1"),
    ),
  );
}
