/** From the flags of a command line to options of the library. Wrong values are refused here. */

import { closest } from "../closest.ts";
import type { FleetLimits, Share } from "../fleet/result.ts";
import type { ConnectOptions, describeBootstrap, Kind, LevelName, SshOptions } from "../index.ts";
import { MAX_TIMER } from "../io/timers.ts";
import { SSH_ENGINES } from "../transports/transport.ts";
import { COMMON, INTERPRETER, LANGUAGE, PASSWORDS } from "./options.ts";
import type { Flags } from "./parse-line.ts";
import { Usage } from "./report-error.ts";

type KindOptions = Pick<ConnectOptions, "kind" | Kind>;
type UnpackOptions = Pick<ConnectOptions, "unpack" | "unpackInto">;
type Language = NonNullable<NonNullable<Parameters<typeof describeBootstrap>[1]>["language"]>;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export type PasswordOption = keyof typeof PASSWORDS;

/** @returns the options that say where a password comes from, of those that are given */
export function givenPasswordOptions(flags: Flags): PasswordOption[] {
  const names = Object.keys(PASSWORDS) as PasswordOption[];
  return names.filter((name) => flags[name] !== undefined && flags[name] !== false);
}

/** @returns milliseconds. @throws {Usage} */
function readDeadline(command: string, text: unknown): number | undefined {
  return readDuration(command, "--deadline", text);
}

/** @param option for messages. @returns milliseconds. @throws {Usage} */
export function readDuration(command: string, option: string, text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit = "s"] = /^(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h)?$/.exec(String(text)) ?? [];
  const ms = Number(number) * (UNITS_MS[unit] ?? 1);
  if (ms > 0 && ms <= MAX_TIMER) return Math.ceil(ms);
  throw new Usage(command, `${option} ${String(text)}: not a time; write 5, 500ms, 2m or 1h`);
}

/** How several targets are worked on. @throws {Usage} */
export function readFleet(command: string, flags: Flags): FleetLimits {
  const connectDeadline = readDuration(command, "--connect-deadline", flags["connect-deadline"]);
  const window = readWhole(command, flags, "jobs", 1);
  const retries = readWhole(command, flags, "retries", 0);
  const serial = readShare(command, flags, "serial", 1);
  const maxFailures = readShare(command, flags, "max-failures", 0);
  return {
    ...(connectDeadline === undefined ? {} : { connectDeadline }),
    ...(window === undefined ? {} : { window }),
    ...(retries === undefined ? {} : { retries }),
    ...(serial === undefined ? {} : { serial }),
    ...(maxFailures === undefined ? {} : { maxFailures }),
    failFast: flags["fail-fast"] === true,
  };
}

function readWhole(command: string, flags: Flags, name: string, least: number): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(String(text)) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new Usage(command, `--${name} ${String(text)}: must be a number, ${least} or more`);
}

function readShare(command: string, flags: Flags, name: string, least: number): Share | undefined {
  const text = String(flags[name] ?? "");
  if (!text.endsWith("%")) return readWhole(command, flags, name, least);
  const percent = /^\d+(?:\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (percent <= 100 && (percent > 0 || least === 0)) return `${percent}%`;
  throw new Usage(command, `--${name} ${text}: must be a share of the targets, up to 100%`);
}

/** @param startedAt on the clock of `performance.now`. @returns whole milliseconds */
export function leftOf(deadline: number, startedAt: number): number {
  return Math.max(0, Math.ceil(deadline - (performance.now() - startedAt)));
}

/** @throws {Usage} */
export function readCommandOptions(command: string, flags: Flags) {
  const { cwd } = flags;
  if (cwd === "") throw new Usage(command, "--cwd is empty");
  const env = texts(flags["env"]).map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new Usage(command, `not KEY=VALUE: --env ${pair}`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return {
    ...(typeof cwd === "string" ? { cwd } : {}),
    env: Object.fromEntries(env) as Readonly<Record<string, string>>,
  };
}

/**
 * A program with the name of an engine is named by its path: `./embedded`.
 *
 * @param name of what has the value, with what stands before it
 * @throws {Usage}
 */
export function readProgram(
  value: unknown,
  name = "--ssh ",
): Pick<SshOptions, "program" | "engine"> {
  if (typeof value !== "string") return {};
  const engine = SSH_ENGINES.find((name) => name === value);
  if (engine !== undefined) return { engine };
  const meant = closest(value, SSH_ENGINES);
  if (meant !== undefined && Bun.which(value) === null) {
    throw new Usage("", `${name}${value}: no such program; did you mean ${name}${meant}?`);
  }
  return { program: value };
}

export function readSsh(flags: Flags): SshOptions {
  const file = flags["ssh-config"];
  return {
    ...readProgram(flags["ssh"]),
    options: [
      ...(typeof file === "string" ? ["-F", file] : []),
      ...texts(flags["ssh-option"]).flatMap((option) => ["-o", option]),
    ],
  };
}

/** Contradicting options are refused by the library. @throws {Usage} */
export function readInterpreter(command: string, flags: Flags): KindOptions {
  const paths = INTERPRETER.kind.options
    .map((name: Kind) => [name, flags[name]])
    .filter(([, path]) => path !== undefined);
  const kind =
    flags["kind"] === undefined
      ? {}
      : { kind: oneOf(command, flags, "kind", INTERPRETER.kind.options) };
  return { ...kind, ...Object.fromEntries(paths) };
}

/** @returns whether modules that were made ready for sending are kept for other runs */
export function readCache(flags: Flags): boolean {
  return flags["no-cache"] !== true;
}

function readLend(flags: Flags): { readonly lend: boolean } {
  return { lend: flags["lend-runtime"] === true };
}

/** @throws {Usage} */
export function readUnpack(command: string, flags: Flags): UnpackOptions {
  const unpack = texts(flags["unpack"]).flatMap((text) => text.split(","));
  const into = flags["unpack-into"];
  if (unpack.includes("")) throw new Usage(command, "--unpack: a NAME is missing");
  if (into !== undefined && unpack.length === 0) {
    throw new Usage(command, "--unpack-into needs --unpack NAME");
  }
  return {
    ...(unpack.length > 0 ? { unpack } : {}),
    ...(typeof into === "string" ? { unpackInto: into } : {}),
  };
}

/** @returns the options of each `connect`. @throws {Usage} */
export function readConnect(command: string, flags: Flags) {
  const deadline = readDeadline(command, flags["deadline"]);
  return {
    ssh: readSsh(flags),
    ...readInterpreter(command, flags),
    ...readLend(flags),
    ...readUnpack(command, flags),
    ...(deadline === undefined ? {} : { deadline }),
  };
}

/** @throws {Usage} */
export function readLanguage(command: string, flags: Flags): { readonly language?: Language } {
  if (flags["language"] === undefined) return {};
  return { language: oneOf(command, flags, "language", LANGUAGE.language.options) };
}

/** @returns the values of an option that may be repeated */
export function texts(value: Flags[string]): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** @throws {Usage} */
export function readLogLevel(command: string, flags: Flags): LevelName {
  return oneOf(command, flags, "log-level", COMMON["log-level"].options);
}

/** @throws {Usage} */
export function readLogFormat(command: string, flags: Flags): "text" | "json" {
  return oneOf(command, flags, "log-format", COMMON["log-format"].options);
}

/** @param allowed its first value is the default */
function oneOf<const T extends string>(
  command: string,
  flags: Flags,
  name: string,
  allowed: readonly [T, ...(readonly T[])],
): T {
  const text = flags[name] ?? allowed[0];
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  const all = `${allowed.slice(0, -1).join(", ")} or ${allowed.at(-1)}`;
  throw new Usage(command, `--${name} ${String(text)}: must be ${all}`);
}
