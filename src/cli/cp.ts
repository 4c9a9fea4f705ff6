/** `econtext cp`: files from here to there, from there to here, or from there to elsewhere. */
import type { ArgsDef } from "citty";
import type { Context, CopyFailure, CopyOptions, FilesError } from "../index.ts";
import { type Door, makeDoor } from "./door.ts";
import { statusOf, Usage } from "./exit.ts";
import { COMMON, type CommandLine, type Flags } from "./options.ts";
import { stderr, stdout } from "./output.ts";
import { type CopyGroup, type CopyPlace, groupPlaces, readPlace, STANDARD } from "./place.ts";
import type { ProgressLine } from "./progress.ts";
import type { Turn } from "./session.ts";

const args: ArgsDef = {
  "src...": { type: "positional", description: "A file here, or TARGET:PATH; - is our input" },
  dst: {
    type: "positional",
    description: "Where to: a path here, or TARGET:PATH; - is our output",
  },
  recursive: { type: "boolean", alias: "r", description: "Folders and all that is in them, too" },
  checksum: { type: "boolean", description: "Leave what is there with the same content" },
  resume: {
    type: "boolean",
    description: "Go on with what an earlier copy with --resume did not finish",
  },
  quiet: { type: "boolean", alias: "q", description: "No progress on a terminal" },
  ...COMMON,
};

const details = `A colon before any slash ends a TARGET: web1:app.log, user@web1:/etc, web1: (its home); a file with a colon is ./a:b.
Into DST where that is a folder, else as DST; several only into a folder. Patterns and ~ are expanded over there.

Kept are contents, permissions, times of change, links (within folders) and holes. Each file takes its place when it is
whole: whoever looks, or whatever interrupts, finds the old one or the new one. A link that is found in DST is not followed.
Both may be elsewhere: nothing touches this machine's disk then.

What cannot be copied is told on stderr, the others are copied, and the exit status is 1.

  econtext cp -r app web1:/srv
  econtext cp web1:'/var/log/*.log' web2:/etc/hosts logs/
  econtext cp -r web1:/srv/app web2:/srv
  dump | econtext cp - web1:dump.sql`;

export const door: Door = makeDoor({
  name: "cp",
  description: "Copy files, as scp would",
  args,
  details,
  run,
});

async function run({ flags, before, after = [] }: CommandLine): Promise<number> {
  const words = [...before, ...after];
  const last = words.pop();
  if (last === undefined || words.length === 0) {
    throw new Usage("cp", "SRC or DST is missing: econtext cp SRC... DST");
  }
  const plan = readPlan(words.map(readPlace), readPlace(last));
  const targets = [...plan.groups.map(({ target }) => target), plan.to.target];
  const { runSession } = await import("./session.ts");
  const gathered = new Gathered(targets.filter((target) => target !== undefined));
  return runSession({
    command: "cp",
    flags,
    targets: gathered.targets,
    roots: [],
    each: (turn) => gathered.add(turn, (take) => copyAll(plan, flags, turn, take)),
    failed: async (_target, error) => {
      gathered.giveUp(error);
      const { fail } = await import("./exit.ts");
      await fail(error);
    },
  });
}

interface CopyPlan {
  readonly groups: readonly CopyGroup[];
  readonly to: CopyPlace;
  /** Several sources: only into a folder. */
  readonly into: boolean;
}

/** @throws {Usage} */
function readPlan(sources: readonly CopyPlace[], to: CopyPlace): CopyPlan {
  const isStandard = ({ target, path }: CopyPlace) => target === undefined && path === STANDARD;
  const isHere = ({ target }: CopyPlace) => target === undefined;
  if (isHere(to) && sources.some(isHere)) {
    throw new Usage("cp", "SRC and DST are both here: a TARGET:PATH is missing");
  }
  if (sources.length > 1 && sources.some(isStandard)) {
    throw new Usage("cp", "- is the only SRC where it is one");
  }
  return { groups: groupPlaces(sources), to, into: sources.length > 1 && !isStandard(to) };
}

/** Takes the contexts of a copy together: it begins when all are there. */
class Gathered {
  readonly targets: readonly string[];
  readonly #contexts = new Map<string, Context[]>();
  #missing: number;
  readonly #result = Promise.withResolvers<number>();

  constructor(targets: readonly string[]) {
    this.targets = targets;
    this.#missing = targets.length;
    this.#result.promise.catch(() => {});
  }

  /** The last one does the work; its status is that of all. */
  add(turn: Turn, work: (take: (target: string) => Context) => Promise<number>): Promise<number> {
    const { target, context } = turn;
    const waiting = this.#contexts.get(target) ?? [];
    this.#contexts.set(target, [...waiting, context]);
    this.#missing--;
    if (this.#missing > 0) return this.#result.promise.catch(statusOf);
    const done = work((name) => this.#contexts.get(name)?.pop() as Context);
    done.then(this.#result.resolve, this.#result.reject);
    return done;
  }

  /** One of them will never come. */
  giveUp(error: unknown): void {
    this.#result.reject(error);
  }
}

async function copyAll(
  { groups, to, into }: CopyPlan,
  flags: Flags,
  turn: Turn,
  take: (target: string) => Context,
): Promise<number> {
  const toContext = to.target === undefined ? undefined : take(to.target);
  const { progressLine } = await import("./progress.ts");
  let status = 0;
  for (const { target, paths } of groups) {
    const from = target === undefined ? undefined : take(target);
    const line = progressLine(flags["quiet"] === true || to.path === STANDARD);
    const options = { ...optionsOf(flags, line), ...turn.limits(), into };
    try {
      if (from === undefined) await send(paths, toContext as Context, to.path, options);
      else if (toContext !== undefined) await from.copy(paths, toContext, to.path, options);
      else if (to.path === STANDARD) await print(from, paths, options);
      else await from.get(paths, to.path, options);
    } catch (error) {
      // Each was told when it was known.
      if (!isFilesError(error)) throw error;
      status = statusOf(error);
    } finally {
      line?.stop();
    }
  }
  return status;
}

async function send(
  paths: readonly string[],
  to: Context,
  path: string,
  options: CopyOptions,
): Promise<void> {
  if (paths[0] === STANDARD) await to.writeFile(path, Bun.stdin.stream(), options);
  else await to.put(paths, path, options);
}

async function print(from: Context, paths: readonly string[], options: CopyOptions): Promise<void> {
  let failed: unknown;
  for (const path of paths) {
    try {
      for await (const piece of from.readStream(path, options)) await stdout.write(piece);
    } catch (error) {
      if (!isFilesError(error)) throw error;
      for (const failure of error.failures) tell(failure);
      failed = error;
    }
  }
  if (failed !== undefined) throw failed;
}

function optionsOf(flags: Flags, line: ProgressLine | undefined): CopyOptions {
  return {
    recursive: flags["recursive"] === true,
    checksum: flags["checksum"] === true,
    resume: flags["resume"] === true,
    expand: true,
    onFailure: (failure) => tell(failure, line?.erased()),
    ...(line === undefined ? {} : { onProgress: (progress) => line.show(progress) }),
  };
}

function tell({ context, path, problem }: CopyFailure, before = ""): void {
  const where = context === "" ? "" : `${context}: `;
  stderr.write(`${before}${where}${path}: ${problem}\n`).catch(() => {});
}

/** By its code: not for this alone is the library read. */
function isFilesError(error: unknown): error is FilesError {
  return (error as { readonly code?: unknown }).code === "ERR_FILES_COPY";
}
