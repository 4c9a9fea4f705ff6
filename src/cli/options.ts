/**
 * The options that commands share, as citty defines them, and their strict reading: citty itself takes unknown options in silence and
 * keeps the last of repeated ones. Knows no command.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import type { ConnectOptions, describeBootstrap, Kind, LevelName, SshOptions } from "../index.ts";
import { Usage } from "./report-error.ts";
import { closest, portOf } from "./typos.ts";

type KindOptions = Pick<ConnectOptions, "kind" | Kind>;
type UnpackOptions = Pick<ConnectOptions, "unpack" | "unpackInto">;
type Language = NonNullable<NonNullable<Parameters<typeof describeBootstrap>[1]>["language"]>;

/** Which interpreter the far side is. */
export const INTERPRETER = {
  kind: {
    type: "string",
    valueHint: "KIND",
    description: "python, node or bun (default: whichever is there and can do it)",
  },
  python: {
    type: "string",
    valueHint: "PATH",
    description: "Python to use there (default: found)",
  },
  node: { type: "string", valueHint: "PATH", description: "Node.js to use there" },
  bun: { type: "string", valueHint: "PATH", description: "Bun to use there" },
} as const satisfies ArgsDef;

const LEND = {
  "lend-runtime": {
    type: "boolean",
    description: "Where there is Python, but no JavaScript: bring a Bun along, in memory",
  },
} as const satisfies ArgsDef;

/** How ssh is run. */
export const SSH = {
  "ssh-option": {
    type: "string",
    alias: "o",
    valueHint: "KEY=VALUE",
    description: "Option for ssh, as its own -o; may be repeated",
  },
  "ssh-config": { type: "string", alias: "F", valueHint: "FILE", description: "As ssh's own -F" },
  ssh: { type: "string", valueHint: "PROGRAM", description: "Program to run in place of ssh" },
} as const satisfies ArgsDef;

export const COMMON = {
  ...INTERPRETER,
  ...LEND,
  deadline: {
    type: "string",
    valueHint: "TIME",
    description: "5, 500ms, 2m: for all of it, from the start to the result (seconds)",
  },
  ...SSH,
  "log-level": {
    type: "string",
    valueHint: "LEVEL",
    description: "debug, info, warning or error (default: info)",
  },
  "log-format": {
    type: "string",
    valueHint: "FORMAT",
    description: "text, or json: a line each (default: text)",
  },
  "no-cache": {
    type: "boolean",
    description: "Keep nothing of the modules that are sent for the next run",
  },
} as const satisfies ArgsDef;

/** For packages that need real files on the other machine. */
export const UNPACK = {
  unpack: {
    type: "string",
    valueHint: "NAME,...",
    description: "Packages to place there as real files, in memory; removed at the end",
  },
  "unpack-into": {
    type: "string",
    valueHint: "DIR",
    description: "Folder there for --unpack (default: $XDG_RUNTIME_DIR or /dev/shm)",
  },
} as const satisfies ArgsDef;

export const JSON_OPTION = {
  type: "boolean",
  description: "Results as JSON; with several targets a line each",
} as const;

/** Options that may be given several times. */
const REPEATED: readonly string[] = ["ssh-option", "python-path", "env", "roots", "unpack"];

export interface Flags {
  readonly [name: string]: string | boolean | readonly (string | boolean)[] | undefined;
}

export interface CommandLine {
  readonly flags: Flags;
  /** Positional arguments in front of `--`. */
  readonly before: readonly string[];
  /** All that follows `--`; undefined when there is none. */
  readonly after: readonly string[] | undefined;
}

/** As `parseArgs` of node:util takes them. */
export function optionsOf(definitions: ArgsDef) {
  const named = Object.entries(definitions).filter(([, { type }]) => type !== "positional");
  const options = named.map(([name, definition]) => [
    name,
    {
      type: definition.type === "boolean" ? ("boolean" as const) : ("string" as const),
      multiple: REPEATED.includes(name),
      ...("alias" in definition ? { short: String(definition.alias) } : {}),
    },
  ]);
  return Object.fromEntries(options) as NonNullable<ParseArgsConfig["options"]>;
}

/** @throws {Usage} */
export function readCommandLine(
  command: string,
  definitions: ArgsDef,
  rawArgs: readonly string[],
): CommandLine {
  const end = rawArgs.indexOf("--");
  const own = end < 0 ? rawArgs : rawArgs.slice(0, end);
  try {
    const { values, positionals } = parseArgs({
      // A negative number is an argument. No argument of a process can hold a NUL.
      args: own.map((arg) => (/^-\.?\d/.test(arg) ? `\0${arg}` : arg)),
      options: optionsOf(definitions),
      allowPositionals: true,
    });
    const flags = Object.entries(values).map(([key, value]) => [key, unmarked(value)]);
    return {
      flags: Object.fromEntries(flags) as Flags,
      before: positionals.map((arg) => arg.replace("\0", "")),
      after: end < 0 ? undefined : rawArgs.slice(end + 1),
    };
  } catch (error) {
    throw misread(command, definitions, rawArgs, error as Error);
  }
}

/** An option that was mistyped: what follows is no other program's. */
export class Typo extends Usage {}

function misread(
  command: string,
  definitions: ArgsDef,
  rawArgs: readonly string[],
  error: Error,
): Usage {
  const [sentence = ""] = error.message.replaceAll("\0", "").split(/\.\s/);
  const [, dashes, name = ""] = /^Unknown option '(-{0,2})([^']+)'/.exec(sentence) ?? [];
  const names = Object.keys(optionsOf(definitions));
  const meant = dashes === "--" ? closest(name, names) : undefined;
  if (meant !== undefined) return new Typo(command, `${sentence}: did you mean --${meant}?`);
  const isShort = dashes !== "--" && "ssh-option" in definitions;
  const port = isShort && /^[pP]$/.test(name) ? portOf(rawArgs) : undefined;
  if (port !== undefined) {
    return new Typo(command, `${sentence}; for a port: ssh://HOST:${port}, or -o Port=${port}`);
  }
  if (command === "cp" && name === "a") {
    return new Typo(command, `${sentence}; write -r: times and modes are always kept`);
  }
  return new Usage(command, sentence);
}

/** Without the marks that `parseArgs` was given. */
function unmarked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmarked);
  return typeof value === "string" ? value.replace("\0", "") : value;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A time span to milliseconds. @throws {Usage} */
export function readDeadline(command: string, text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit = "s"] = /^(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h)?$/.exec(String(text)) ?? [];
  const ms = Number(number) * (UNITS_MS[unit] ?? 1);
  if (ms > 0 && ms <= 0x7fffffff) return Math.ceil(ms);
  throw new Usage(command, `--deadline ${String(text)}: not a time; write 5, 500ms, 2m or 1h`);
}

/** @param startedAt on the clock of `performance.now`. @returns whole milliseconds */
export function leftOf(deadline: number, startedAt: number): number {
  return Math.max(0, Math.ceil(deadline - (performance.now() - startedAt)));
}

/** What `exec` and `sh` have in common. */
export const COMMAND = {
  "no-stdin": { type: "boolean", alias: "n", description: "Its standard input is empty" },
  cwd: { type: "string", valueHint: "DIR", description: "Run it in this folder" },
  env: {
    type: "string",
    valueHint: "KEY=VALUE",
    description: "Set a variable of its environment; may be repeated",
  },
} as const satisfies ArgsDef;

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

/** Of `web1,web2` and `web1 web2`. @throws {Usage} */
export function readTargets(command: string, texts: readonly string[]): string[] {
  const targets = texts.flatMap((text) => text.split(","));
  if (targets.length === 0 || targets.includes("")) throw new Usage(command, "a TARGET is missing");
  return targets;
}

export function readSsh(flags: Flags): SshOptions {
  const file = flags["ssh-config"];
  return {
    ...(typeof flags["ssh"] === "string" ? { program: flags["ssh"] } : {}),
    options: [
      ...(typeof file === "string" ? ["-F", file] : []),
      ...texts(flags["ssh-option"]).flatMap((option) => ["-o", option]),
    ],
  };
}

const KINDS = ["python", "node", "bun"] as const satisfies readonly Kind[];
const LANGUAGES = ["python", "javascript"] as const satisfies readonly Language[];

/** What contradicts itself, the library refuses. @throws {Usage} */
export function readInterpreter(command: string, flags: Flags): KindOptions {
  const paths = KINDS.map((name) => [name, flags[name]]).filter(([, path]) => path !== undefined);
  const kind = flags["kind"] === undefined ? {} : { kind: oneOf(command, flags, "kind", KINDS) };
  return { ...kind, ...Object.fromEntries(paths) };
}

/** Whether what modules become on their way is kept for other runs. */
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

/** How the targets are connected. @throws {Usage} */
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
  return { language: oneOf(command, flags, "language", LANGUAGES) };
}

/** The values of an option that may be repeated. */
export function texts(value: Flags[string]): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** @throws {Usage} */
export function readLogLevel(command: string, flags: Flags): LevelName {
  return oneOf(command, flags, "log-level", ["info", "debug", "warning", "error"]);
}

/** @throws {Usage} */
export function readLogFormat(command: string, flags: Flags): "text" | "json" {
  return oneOf(command, flags, "log-format", ["text", "json"]);
}

/** The first is the default. */
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
