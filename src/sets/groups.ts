/**
 * Groups of targets by name, and files of targets: what `@web` and `@hosts.txt` stand for. The
 * commands of groups are run first (`load`), and all else happens at once.
 */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { closest } from "../closest.ts";
import { UsageError } from "../errors.ts";
import { runGroupCommand } from "./group-command.ts";
import { ALL, expand, references, type SetOptions } from "./node-set.ts";
import type { GroupLookup, GroupNames, GroupProblem } from "./pattern.ts";
import { linesOf, namesOfLines, readText, type TargetFile } from "./target-files.ts";

/** What a group is. It has either targets or a command. */
export interface GroupData {
  /** A set: `web[01-20]`. It may name other groups. */
  readonly targets?: string;
  /** A shell command that prints a set, or several, one a line. */
  readonly command?: string;
  /** Where the command runs, and where its files are. Default: the working folder. */
  readonly folder?: string;
  /** The name of its place, for errors: `econtext.toml: groups.web`. */
  readonly place?: string;
  /** What is wrong with the group. It is thrown where a set uses it. */
  readonly problem?: Error;
}

export interface GroupOptions {
  /** Names that belong to `@*` besides those of groups. */
  readonly known?: readonly string[];
  /** Where files are. Default: the working folder. */
  readonly folder?: string;
  /** Of the commands. Default: of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A name that can follow an `@`. */
export const GROUP_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.:-]*$/u;

export class Groups<Data extends GroupData = GroupData> {
  readonly data: Readonly<Record<string, Data>>;
  readonly #options: GroupOptions;
  /** What the commands of groups have printed. */
  readonly #printed = new Map<string, string>();
  readonly #files = new Map<string, string>();
  readonly #names = new Map<string, readonly string[]>();

  constructor(data: Readonly<Record<string, Data>> = {}, options: GroupOptions = {}) {
    this.data = data;
    this.#options = options;
  }

  /** Changes when the command of a group has been run: more names are known then. */
  get version(): number {
    return this.#printed.size;
  }

  /**
   * @returns the names of a set, each once; the commands of its groups are run, once
   * @throws {UsageError} `ERR_USAGE_TARGET`; `ERR_USAGE_CONFIG`: a group is wrong
   */
  async expand(text: string, options: Omit<SetOptions, "groups"> = {}): Promise<readonly string[]> {
    await this.#load(text, options);
    return expand(text, { ...options, groups: this.#lookup([], this.#options.folder) });
  }

  /** As `expand`, without running commands. */
  expandNow(text: string): readonly string[] {
    return expand(text, { groups: this.#lookup([], this.#options.folder) });
  }

  /**
   * @param lines of sets; what follows a `#` is a comment
   * @param place for errors
   * @returns the names of all lines, each once
   */
  async expandLines(lines: string, place: string): Promise<readonly string[]> {
    await this.#loadLines(lines, new Search(this.#options.folder));
    return namesOfLines(lines, place, this.#lookup([], this.#options.folder));
  }

  /** @returns the names of a group that are known without running its command */
  knownOf(name: string): readonly string[] {
    const { command, problem } = this.data[name] ?? {};
    if (command !== undefined && !this.#printed.has(name)) return [];
    try {
      return this.#namesOf(name, [], problem !== undefined);
    } catch {
      return []; // it is told where the group is used
    }
  }

  /** Runs the commands of all groups that a text names, directly or through others. */
  async #load(text: string, options: SetOptions, within = new Search(this.#options.folder)) {
    for (const { name, rest } of references(text, options)) {
      const group = this.#groupOf(name);
      if (group === undefined && isAll(name)) {
        await this.#load(this.#allText(), {}, within);
      } else if (group === undefined) {
        const found = this.#findFile(name, rest, within.folder);
        if (found !== undefined && within.isNew(found.file)) {
          await this.#loadLines(found.text, within);
        }
      } else if (group.problem === undefined && within.isNew(name)) {
        const { command, targets = "", folder } = group;
        if (command !== undefined && !this.#printed.has(name)) {
          const { env = process.env } = this.#options;
          this.#printed.set(name, await runGroupCommand(command, { ...group, env }));
        }
        await this.#loadLines(this.#printed.get(name) ?? targets, within.from(folder));
      }
    }
  }

  async #loadLines(lines: string, within: Search): Promise<void> {
    for (const { text } of linesOf(lines)) {
      // A wrong line is told later, with its place.
      if (isReadable(text)) await this.#load(text, {}, within);
    }
  }

  #groupOf(name: string): Data | undefined {
    return Object.hasOwn(this.data, name) ? this.data[name] : undefined;
  }

  /** The names that can follow an `@`. */
  get ownNames(): readonly string[] {
    return Object.keys(this.data).filter((name) => GROUP_NAME.test(name));
  }

  /**
   * @returns a set of all groups. Left out are wrong ones, and those that are parts of all groups
   *   themselves: `@*!db1`.
   */
  #allText(): string {
    const wanted = this.ownNames.filter((name) => {
      const { problem, targets = "" } = this.data[name] ?? {};
      return problem === undefined && !/\*|@all\b/.test(targets);
    });
    return wanted.map((name) => `@${name}`).join(",");
  }

  /** @param within names of groups that are being read: none may contain itself */
  #lookup(within: readonly string[], folder: string | undefined): GroupLookup {
    return (name, rest) => {
      if (this.#groupOf(name) !== undefined) {
        return { names: this.#namesOf(name, within), isWhole: false };
      }
      if (isAll(name)) {
        const groups = this.#allText();
        const others =
          groups === "" ? [] : expand(groups, { groups: this.#lookup(within, folder) });
        return { names: [...new Set([...(this.#options.known ?? []), ...others])], isWhole: false };
      }
      return this.#fileNames(name, rest, within, folder) ?? this.#unknown(name, rest);
    };
  }

  #namesOf(name: string, within: readonly string[], isWrong = false): readonly string[] {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const group: GroupData = this.data[name] ?? {};
    const { place = `group ${name}`, targets = "", command, folder } = group;
    if (group.problem !== undefined && !isWrong) throw group.problem;
    if (within.includes(name)) {
      const circle = [...within.slice(within.indexOf(name)), name].map((one) => `@${one}`);
      const problem = `${place}: a group cannot contain itself: ${circle.join(" → ")}`;
      throw new UsageError("ERR_USAGE_CONFIG", problem);
    }
    const text = command === undefined ? targets : this.#printed.get(name);
    if (text === undefined) {
      const problem = `${place}: its command has not run: await broker.expand("@${name}")`;
      throw new UsageError("ERR_USAGE_CONFIG", problem);
    }
    const lookup = this.#lookup([...within, name], folder);
    const names = namesOfLines(text, place, lookup, command !== undefined);
    this.#names.set(name, names);
    return names;
  }

  #fileNames(
    name: string,
    rest: string,
    within: readonly string[],
    folder: string | undefined,
  ): GroupNames | undefined {
    const found = this.#findFile(name, rest, folder);
    if (found === undefined) return undefined;
    const { file, path, text } = found;
    if (within.includes(file)) {
      throw new UsageError("ERR_USAGE_TARGET", `${path}: a file of targets names itself`);
    }
    const lookup = this.#lookup([...within, file], folder);
    return { names: namesOfLines(text, path, lookup), isWhole: path !== name };
  }

  /** @returns the file that has this name, or this name and what follows it */
  #findFile(name: string, rest: string, folder = "."): TargetFile | undefined {
    for (const path of rest === "" ? [name] : [name, name + rest]) {
      const file = resolve(folder, path.replace(/^~(?=\/)/, homedir()));
      // A pipe can be read once.
      const text = this.#files.get(file) ?? readText(file, path);
      if (text === undefined) continue;
      this.#files.set(file, text);
      return { file, path, text };
    }
    return undefined;
  }

  #unknown(name: string, rest: string): GroupProblem {
    const isPath = /^[./~]/.test(name);
    const group = `no group ${JSON.stringify(name)} in econtext.toml`;
    const file = `no file ${JSON.stringify(name + rest)}`;
    const meant = closest(name, this.ownNames);
    const all = this.ownNames.map((one) => `@${one}`);
    const others = all.length > 10 ? [...all.slice(0, 10), "…"] : all;
    const usual = all.length > 0 ? `there are ${others.join(" ")}` : "@FILE, or [groups] there";
    return {
      problem: isPath ? `there is ${file}` : `there is ${group}, and ${file}`,
      hint: meant === undefined ? usual : `did you mean @${meant}?`,
    };
  }
}

function isAll(name: string): boolean {
  return name === ALL || name === "all";
}

/** Where groups and files are looked for, and which have been found. */
class Search {
  readonly folder: string | undefined;
  readonly #found: Set<string>;

  constructor(folder: string | undefined, found = new Set<string>()) {
    this.folder = folder;
    this.#found = found;
  }

  /** @param name of a group, or the path of a file. @returns whether it was not found before */
  isNew(name: string): boolean {
    const isNew = !this.#found.has(name);
    this.#found.add(name);
    return isNew;
  }

  /** @returns the same search, with files in another folder */
  from(folder: string | undefined): Search {
    return new Search(folder, this.#found);
  }
}

function isReadable(text: string): boolean {
  try {
    references(text);
    return true;
  } catch {
    return false;
  }
}
