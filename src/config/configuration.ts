/** Reads the text of an `econtext.toml`. The result is what a broker takes. Opens no file. */
import { UsageError } from "../errors.ts";
import type { TransportData } from "../transports/data.ts";
import { SCHEMES } from "../transports/registry.ts";
import { type Schemes, SSH } from "../transports/word.ts";
import { readWords } from "../tree/target-path.ts";
import type { TargetSettings } from "../tree/target-settings.ts";
import type { GroupSettings } from "../tree/target-table.ts";
import { checkSet, isSet, readGroup, readSet } from "./groups.ts";
import { isTable, Table } from "./table.ts";
import { readSettings } from "./targets.ts";
import { readTransport } from "./transports.ts";

export interface Configuration {
  readonly schemes: Schemes;
  readonly targets: Readonly<Record<string, TargetSettings>>;
  /** Named groups, and under other names the sets among the keys of `[targets]`. */
  readonly groups: Readonly<Record<string, GroupSettings>>;
  /** A shell command that prints passwords. */
  readonly passwordCommand?: string | undefined;
}

export const EMPTY: Configuration = { schemes: SCHEMES, targets: {}, groups: {} };

/**
 * @param file for messages
 * @param base the configuration that the file adds to. The entries of the file take precedence.
 * @returns transports, targets and groups. A wrong entry has a `problem`: it is thrown when a path
 *   or a set uses the entry.
 * @throws {UsageError} `ERR_USAGE_CONFIG`, with file and key, for the file as a whole
 */
export function readConfiguration(file: string, text: string, base = EMPTY): Configuration {
  const whole = new Table(file, [], parse(file, text));
  const transports = whole.table("transports");
  const schemes = new Map(base.schemes);
  for (const name of transports.keys) {
    const read = (): TransportData => readTransport(name, transports.table(name));
    schemes.set(
      name,
      orProblem(read, (problem) => ({ ...WRONG, scheme: name, problem })),
    );
  }
  const targets = whole.table("targets");
  const own = targets.keys
    .filter((name) => !isSet(name))
    .map((name) => {
      const read = (): TargetSettings => readSettings(name, targets.table(name), schemes);
      return [name, orProblem(read, (problem) => ({ problem }))] as const;
    });
  const sets = targets.keys.filter(isSet).map((set) => {
    checkSet(set, targets);
    const read = (): GroupSettings => readSet(set, targets.table(set), schemes);
    return [set, orProblem(read, (problem) => ({ targets: set, problem }))] as const;
  });
  const passwordCommand = whole.text("password_command") ?? base.passwordCommand;
  const groups = joined([...sets, ...readGroups(whole.table("groups"), schemes)], base.groups);
  whole.finish();
  return {
    schemes,
    targets: { ...base.targets, ...Object.fromEntries(own) },
    groups,
    passwordCommand,
  };
}

type Entries = readonly (readonly [name: string, group: GroupSettings])[];

function readGroups(groups: Table, schemes: Schemes): Entries {
  return groups.keys.map((name) => {
    const read = (): GroupSettings => readGroup(name, groups, schemes);
    // Its options are missing then: its targets must not be used without them.
    const targets = isTable(groups.value(name)) ? groups.table(name).value("targets") : "";
    const known = typeof targets === "string" ? { targets } : {};
    return [name, orProblem(read, (problem) => ({ ...known, problem }))] as const;
  });
}

/** The first ones take precedence, also where a target is in several groups. */
function joined(first: Entries, others: Configuration["groups"]): Configuration["groups"] {
  const own = Object.fromEntries(first);
  const left = Object.entries(others).filter(([name]) => !Object.hasOwn(own, name));
  return { ...own, ...Object.fromEntries(left) };
}

/**
 * @returns the targets with settings that can be meant by "all". Words such as `sudo:root` are left
 *   out: they are places of every machine.
 */
export function hostsOf({ targets, schemes }: Configuration): readonly string[] {
  return Object.entries(targets).flatMap(([name, { path, transport, problem }]) => {
    if (problem !== undefined || path !== undefined || transport !== undefined) return [name];
    const words = readWords(name, schemes);
    return words.length > 1 || words[0]?.scheme === SSH ? [name] : [];
  });
}

/** The data of a transport whose definition is wrong. */
const WRONG = { argv: [], failures: [] } as const;

/** Keeps the error of a wrong entry, so that the other entries can be used. */
function orProblem<T>(read: () => T, instead: (problem: UsageError) => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) return instead(error);
    throw error;
  }
}

function parse(file: string, text: string): Readonly<Record<string, unknown>> {
  const { values, problem } = tryParse(text);
  if (isTable(values)) return values;
  const line = lineOf(text, problem ?? "");
  throw new Table(`${file}${line === undefined ? "" : `:${line}`}`, [], {}).problem(problem ?? "");
}

function tryParse(text: string): { readonly values?: unknown; readonly problem?: string } {
  try {
    return { values: Bun.TOML.parse(text) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * The parser does not name the line. So the first lines are parsed alone, one more at a time, until
 * they fail with the same problem.
 */
function lineOf(text: string, problem: string): number | undefined {
  const lines = text.split("\n");
  const at = lines.findIndex(
    (_line, index) => tryParse(lines.slice(0, index + 1).join("\n")).problem === problem,
  );
  return at < 0 ? undefined : at + 1;
}
