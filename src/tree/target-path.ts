/**
 * The grammar of paths: `bastion/web1/sudo:root/podman:app`. Each word names a transport, which is
 * started by the one before. transports/word.ts has the grammar of a word. A slash inside of a word
 * is written `%2F`; the two of `ssh://` stay as they are.
 *
 * A user's settings may let a word stand for a path, and choose options and an interpreter for it.
 */
import { UsageError } from "../errors.ts";
import type { KindOptions } from "../interpreters/kind.ts";
import { fromData } from "../transports/from-data.ts";
import { hostKnownHere, hostMeantBy, wordMeantBy } from "../transports/host-advice.ts";
import { local } from "../transports/local.ts";
import { SCHEMES } from "../transports/registry.ts";
import { hostsHere, type SshOptions, ssh } from "../transports/ssh.ts";
import { SSH_ENGINES, type Transport } from "../transports/transport.ts";
import {
  formatWord,
  LOCAL,
  parseWord,
  type Schemes,
  SSH,
  type Word,
  WordError,
} from "../transports/word.ts";
import type { TargetSettings } from "./target-settings.ts";
import { type GroupSettings, joined, TargetTable } from "./target-table.ts";

export { TargetTable };

export interface PathOptions {
  /**
   * Of the ssh client of this machine. A client behind a hop has the configuration of its own
   * machine; the embedded ssh has this one everywhere.
   */
  readonly ssh?: SshOptions | undefined;
  /** All schemes, built in and defined by the user. Default: those that are built in. */
  readonly schemes?: Schemes | undefined;
  /** Keys are words of paths, or whole paths. */
  readonly targets?: Readonly<Record<string, TargetSettings>> | TargetTable | undefined;
  /** Groups of targets, and what is set for all targets of a group. */
  readonly groups?: Readonly<Record<string, GroupSettings>> | undefined;
  /** Name of the context that the whole path is opened through. Absent: this process opens it. */
  readonly behind?: string | undefined;
}

/** One word of a path: a hop, or the target itself, which is the last. */
export interface PathStep {
  readonly transport: Transport;
  /** The interpreter that the user's settings choose; empty if they choose none. */
  readonly interpreter: KindOptions;
  /** Of commands, as the user's settings have it. */
  readonly env: Readonly<Record<string, string>> | undefined;
}

/** A word, and where it stands in the text that the user wrote. */
interface Place {
  readonly text: string;
  readonly at: number;
}

/**
 * @returns a step for each word; at least one
 * @throws {UsageError} `ERR_USAGE_TARGET`, with the place in the text
 */
export function parsePath(target: string, options: PathOptions = {}): readonly PathStep[] {
  if (typeof target !== "string") throw noText(target);
  const steps: PathStep[] = [];
  addSteps(steps, target, { options, table: TargetTable.of(options.targets, options.groups) });
  return steps;
}

/** @returns the text of a path: the same for each way of writing it */
export function formatPath(words: readonly Word[], schemes: Schemes = SCHEMES): string {
  return words.map((word) => formatWord(word, schemes)).join("/");
}

/** Whether a target is the path itself, and not a name that the user's settings have for it. */
export function isSpelt(
  target: string,
  path: readonly PathStep[],
  schemes: Schemes = SCHEMES,
): boolean {
  const labels = path.map(({ transport }) => transport.label);
  try {
    return formatPath(readWords(target, schemes), schemes) === labels.join("/");
  } catch {
    return false; // a name of the settings need not be a word
  }
}

/** @returns the paths of the hops on the way, the first one first, as the user has written them */
export function prefixesOf(target: string): readonly string[] {
  return split(target)
    .slice(1)
    .map(({ at }) => target.slice(0, at - 1));
}

/** @returns what each word of a path says, without a user's settings */
export function readWords(target: string, schemes: Schemes = SCHEMES): readonly Word[] {
  return split(target).map((place) => read(target, place, schemes));
}

interface Reading {
  readonly options: PathOptions;
  readonly table: TargetTable;
  /** Names of settings whose path is being read: a path may not contain itself. */
  readonly within?: readonly string[];
  /** What is set for the word that the path stands for. It is for the last word of the path. */
  readonly whole?: TargetSettings;
}

function addSteps(steps: PathStep[], target: string, reading: Reading): void {
  const { options, table, within = [], whole = {} } = reading;
  const { schemes = SCHEMES } = options;
  const places = split(target);
  for (const place of places) {
    const name = [...steps.map(({ transport }) => transport.label), place.text].join("/");
    const key = [name, place.text].find((one) => table.get(one) !== undefined) ?? "";
    const own = table.get(key) ?? {};
    const { path, ...settings } = place === places.at(-1) ? joined(whole, own) : own;
    if (settings.problem !== undefined) throw settings.problem;
    // `bastion/web1` may be the path of web1.
    if (path !== undefined && within.at(-1) !== key) {
      if (within.includes(key)) throw endless([...within.slice(within.indexOf(key)), key]);
      const text = path.replaceAll("{name}", place.text);
      addSteps(steps, text, { options, table, within: [...within, key], whole: settings });
      continue;
    }
    const { transport: scheme } = settings;
    const text = scheme === undefined ? place.text : `${scheme}:${place.text}`;
    const word = withOptions(read(target, { ...place, text }, schemes), settings);
    const behind = placeBehind(steps, options);
    const start = { word, settings, schemes, table, behind, isRoot: isRoot(steps, options) };
    const made = transportOf(start, options.ssh ?? {});
    const transport = behind === undefined ? made : { ...made, sharesDisk: false };
    steps.push({ transport, interpreter: interpreterOf(settings), env: settings.env });
  }
}

/** @returns where the next word's program runs; undefined: this process starts it */
function placeBehind(steps: readonly PathStep[], { behind }: PathOptions): string | undefined {
  if (behind === undefined && steps.length === 0) return undefined;
  const names = [behind ?? LOCAL, ...steps.map(({ transport }) => transport.label)];
  // A local context is on the machine of the one before.
  return names.filter((name) => name !== LOCAL).join("/");
}

/** Programs whose destination is a user. */
const USER_SCHEMES = ["sudo", "sudo-rs", "su", "runuser", "doas"];

/** @returns whether it is known that the program of the next word is run by root */
function isRoot(steps: readonly PathStep[], { behind }: PathOptions): boolean {
  const before = steps.map(({ transport }) => transport).filter(({ scheme }) => scheme !== LOCAL);
  const { scheme = "", destination } = before.at(-1) ?? {};
  if (scheme === "") return behind === undefined && process.geteuid?.() === 0;
  return USER_SCHEMES.includes(scheme) && destination === "root";
}

/** What a transport is made of. */
interface Start {
  readonly word: Word;
  readonly settings: TargetSettings;
  readonly schemes: Schemes;
  readonly table: TargetTable;
  readonly isRoot: boolean;
  /** Where its program runs; undefined: this process starts it. */
  readonly behind: string | undefined;
}

function transportOf(start: Start, base: SshOptions): Transport {
  const { word, schemes, isRoot } = start;
  const label = formatWord(word, schemes);
  if (word.scheme === LOCAL) return local;
  const data = schemes.get(word.scheme);
  if (data !== undefined) return fromData(data, word, label, isRoot);
  return { ...ssh(word.destination, sshOptionsOf(start, base)), label };
}

/** @param base options of the ssh client of this machine */
function sshOptionsOf({ settings, schemes, table, behind }: Start, base: SshOptions): SshOptions {
  const user = settings.options?.["user"];
  const { sshEngine } = settings;
  const set = base.program === undefined && sshEngine !== "ssh" ? sshEngine : undefined;
  const engine = base.engine ?? set;
  checkSshOptions(engine, base.options);
  const isHere = behind === undefined || engine === "embedded";
  return {
    ...(isHere
      ? { ...base, ...(engine && { engine }) }
      : { interactive: base.interactive ?? false }),
    behind,
    options: [
      ...(user === undefined ? [] : ["-l", user]),
      ...(settings.sshOptions ?? []),
      ...(isHere ? (base.options ?? []) : []),
    ],
    meant: (name, hosts) =>
      wordMeantBy(name, schemes) ??
      hostMeantBy(name, [...table.names(), ...hosts]) ??
      (isHere ? undefined : hostKnownHere(name, hostsHere(base.options))),
  };
}

/** Options of the word itself take precedence over those of the user's settings. */
function withOptions(word: Word, { options = {} }: TargetSettings): Word {
  return word.scheme === SSH ? word : { ...word, options: { ...options, ...word.options } };
}

/** The options that choose an interpreter belong together. */
function interpreterOf({ kind, python, node, bun }: TargetSettings): KindOptions {
  return Object.fromEntries(
    Object.entries({ kind, python, node, bun }).filter(([, value]) => value !== undefined),
  );
}

/** `ssh://HOST` has slashes of its own; as in ssh, one more may stand behind it. */
function split(target: string): Place[] {
  const text = target.replace(/((?:^|\/)ssh:\/\/[^/]+)\/$/, "$1");
  const places: Place[] = [];
  for (let at = 0; at <= text.length; ) {
    const start = text.startsWith("ssh://", at) ? at + "ssh://".length : at;
    const slash = text.indexOf("/", start);
    const end = slash < 0 ? text.length : slash;
    places.push({ text: text.slice(at, end), at });
    at = end + 1;
  }
  return places;
}

function read(target: string, { text, at }: Place, schemes: Schemes): Word {
  if (text === "") {
    const where = target === "" ? "it is empty" : "there is no word here";
    throw refused(target, at, where, 'words of a path are separated by one "/"');
  }
  try {
    return parseWord(text, schemes);
  } catch (error) {
    if (!(error instanceof WordError)) throw error;
    throw refused(target, at + error.at, error.message, error.hint);
  }
}

const FORMS = "write local, host, user@host, ssh://user@host:port, sudo:user, or several with /";

/** A program may give anything. */
function noText(target: unknown): UsageError {
  const isPath = Array.isArray(target) && target.every((word) => typeof word === "string");
  const what = Array.isArray(target) ? "a list" : `a value of type ${typeof target}`;
  const hint = isPath ? JSON.stringify(target.join("/")) : '"bastion/web1"';
  const lines = [`not a target: expected a text, not ${what}`, `  try: ${hint}`];
  return new UsageError("ERR_USAGE_TARGET", lines.join("\n"));
}

/** A program may give anything. @throws {UsageError} */
function checkSshOptions(engine: unknown, options: unknown = []): void {
  const isList = Array.isArray(options);
  if (!isList || !options.every((option) => typeof option === "string")) {
    const text = isList
      ? `[${options.map((one) => JSON.stringify(one) ?? String(one)).join(", ")}]`
      : options;
    const lines = [
      `ssh.options: expected a list of texts, not ${text}`,
      '  try: ["-p", "2222", "-o", "User=deploy"]',
    ];
    throw new UsageError("ERR_USAGE_TARGET", lines.join("\n"));
  }
  if (engine === undefined || SSH_ENGINES.some((name) => name === engine)) return;
  const known = SSH_ENGINES.map((name) => JSON.stringify(name)).join(" or ");
  const lines = [
    `ssh.engine: expected ${known}, not ${JSON.stringify(engine)}`,
    "  try: without it, the ssh program is started",
  ];
  throw new UsageError("ERR_USAGE_TARGET", lines.join("\n"));
}

/** @param names of settings, each with a path that has the next one */
function endless(names: readonly string[]): UsageError {
  const [first = ""] = names;
  const problem = `the path of ${first} contains ${first} itself: ${names.join(" → ")}`;
  const hint = "write hosts in the path of one of them (targets in econtext.toml)";
  return new UsageError("ERR_USAGE_TARGET", `not a target: ${problem}\n  try: ${hint}`);
}

function refused(target: string, at: number, problem: string, hint = FORMS): UsageError {
  // As a text of JSON, so that no control character reaches the terminal.
  const before = JSON.stringify(target.slice(0, at)).length - 1;
  const lines = [
    `not a target: ${problem}`,
    `  ${JSON.stringify(target)}`,
    `  ${" ".repeat(before)}^`,
    `  try: ${hint}`,
  ];
  return new UsageError("ERR_USAGE_TARGET", lines.join("\n"));
}
