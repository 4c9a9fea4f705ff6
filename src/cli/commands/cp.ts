/** `econtext cp`: files to a remote machine, from one, or between two. */
import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { compress } from "../../sets/fold-names.ts";
import { makeCommand } from "../command-definition.ts";
import { readConfiguration } from "../configuration.ts";
import { type CopyPlan, isStandard, planCopies } from "../copy-plan.ts";
import { factsOf } from "../error-facts.ts";
import { withHeadStart } from "../head-start.ts";
import type { Host } from "../host.ts";
import { COMMON, FLEET, RESULTS, TARGETS } from "../options.ts";
import type { CommandLine, Definitions } from "../parse-line.ts";
import { Usage } from "../report-error.ts";
import type { Turn } from "../run-targets.ts";
import { readTargets } from "../targets.ts";
import { quoted } from "../words.ts";

const args: Definitions = {
  "src...": {
    type: "positional",
    description: "A local file, or TARGET:PATH; - is standard input",
  },
  dst: {
    type: "positional",
    description: "A local path, or TARGET[,TARGET...]:PATH; - is standard output",
  },
  recursive: { type: "boolean", alias: "r", description: "Copy folders with all files in them" },
  "by-host": {
    type: "boolean",
    description: "Fetch into one folder for each host: DST/HOST/FILE",
  },
  checksum: { type: "boolean", description: "Skip files that are identical at the destination" },
  resume: {
    type: "boolean",
    description: "Continue an interrupted copy that was started with --resume",
  },
  preserve: {
    type: "boolean",
    alias: "p",
    description: "Accepted as by scp; times and modes are always kept",
  },
  quiet: { type: "boolean", alias: "q", description: "Show no progress on a terminal" },
  limit: TARGETS.limit,
  "connect-deadline": FLEET["connect-deadline"],
  retries: FLEET.retries,
  plan: FLEET.plan,
  json: RESULTS.json,
  ...COMMON,
};

export const command = makeCommand({
  name: "cp",
  description: "Copy files, as scp does, from and to several machines",
  usage: ["[OPTIONS] SRC... DST"],
  examples: [
    "econtext cp -r app web1,web2:/srv",
    "econtext cp web1:'/var/log/*.log' db1:/etc/hosts logs/",
    "econtext cp --by-host web1,web2:/etc/hosts hosts/",
    "dump | econtext cp - web1:dump.sql",
  ],
  args,
  exitStatus: `0; 1 files could not be copied: they are named on stderr, and the rest
is copied; 255 no connection to a host. With several targets, the highest.`,
  details: `A colon ends a TARGET: web1:app.log, user@web1:/etc, bastion/web1:/srv, or web1:
for the home folder. Write ./a:b for a local file with a colon. If DST is a
folder, sources go into it; else the single source gets that name. Two sources
with the same name are refused. The remote machine expands patterns and ~.

These are kept: contents, permissions (with setuid, setgid and sticky bits),
modification times, links within folders, and holes. An existing folder gets the
permissions of its source. A file appears under its name only once it is
complete. Links in DST are not followed. A copy between two remote machines
writes nothing to the local disk.

A host that cannot be reached does not stop the copies of the others.`,
  needs: async (line, host) => {
    const { targets, copies } = await planOf(line, host);
    const places = copies.flatMap(({ from, to }) => [
      ...from.paths.map((path) => ({ target: from.target, path })),
      to,
    ]);
    const here = places.filter((place) => place.target === undefined && !isStandard(place));
    // A name that is not in UTF-8 came in another spelling.
    const hasFolder = statSync(host.path("."), { throwIfNoEntry: false }) !== undefined;
    const isCommon = hasFolder && here.every(({ path }) => isSameForAll(host.path(path)));
    return isCommon ? { targets, reuses: true } : undefined;
  },
  run,
});

async function run(line: CommandLine, host: Host): Promise<number> {
  const { flags } = line;
  const plan = await planOf(line, host);
  if (flags["json"] === true && plan.copies.some(({ to }) => isStandard(to))) {
    throw new Usage("cp", "--json and DST - would both be on standard output");
  }
  const work = { command: "cp", flags, targets: plan.targets };
  return withHeadStart(work, host, async () => {
    const { runSession } = await import("../run-targets.ts");
    const { Copying } = await import("../copying.ts");
    const copying = new Copying(plan, flags, host);
    const session = {
      ...work,
      roots: [],
      each: (turn: Turn) => copying.add(turn),
      sends: copiesInWords(plan),
      isTogether: true,
      failed: (target: string, error: unknown) => {
        tellOfFile(target, error, line, host);
        return copying.giveUp(error);
      },
    };
    return () => runSession(session, host);
  });
}

/** @returns a line for the copies of the same paths: `copy      app to web[1-30]:/srv` */
function copiesInWords({ copies }: CopyPlan): string[] {
  const alike = Object.groupBy(copies, ({ from, to }) => JSON.stringify([from.paths, to.path]));
  return Object.values(alike).flatMap((some = []) => {
    const [first] = some;
    if (first === undefined) return [];
    const sources = shownPlace(
      some.map(({ from }) => from.target),
      first.from.paths,
    );
    return `copy      ${sources} to ${shownPlace(
      some.map(({ to }) => to.target),
      [first.to.path],
    )}`;
  });
}

function shownPlace(targets: readonly (string | undefined)[], paths: readonly string[]): string {
  const names = targets.filter((target) => target !== undefined);
  const set = names.length === 0 ? "" : `${compress(names)}:`;
  return paths.map((path) => quoted(set + path)).join(" ");
}

/**
 * @returns whether a path leads to the same file in every process of the user. /dev/stdin and
 * /proc/self do not.
 */
function isSameForAll(path: string): boolean {
  try {
    // A link to /dev/fd/3 leads nowhere in another process, and realpath fails.
    while (!existsItself(path)) path = dirname(path);
    return !/^\/(?:dev|proc)\//.test(`${realpathSync(path)}/`);
  } catch {
    return false; // the process of the command says why
  }
}

function existsItself(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // a file stands where a folder should
  }
}

/** A local file with a colon in its name is easily taken for one of a host that does not exist. */
function tellOfFile(target: string, error: unknown, line: CommandLine, host: Host): void {
  if (factsOf(error).code !== "ERR_TRANSPORT_UNKNOWN_HOST") return;
  const isFile = (word: string) => word.startsWith(`${target}:`) && existsItself(host.path(word));
  for (const word of wordsOf(line).filter(isFile)) {
    const text = `econtext cp: ${quoted(word)} is a file here, too: write ${quoted(`./${word}`)}\n`;
    host.stderr.write(text).catch(() => {});
  }
}

function wordsOf({ before, after = [] }: CommandLine): string[] {
  return [...before, ...after];
}

/** @throws {Usage} */
async function planOf(line: CommandLine, host: Host): Promise<CopyPlan> {
  const { flags } = line;
  const words = wordsOf(line);
  const last = words.pop();
  if (last === undefined || words.length === 0) {
    throw new Usage("cp", "SRC or DST is missing: econtext cp SRC... DST");
  }
  const { schemes } = readConfiguration(host);
  const expand = async (set: string): Promise<readonly string[]> =>
    (await readTargets("cp", [set], flags, host)).names;
  const isFolder = (path: string): boolean => {
    return statSync(host.path(path), { throwIfNoEntry: false })?.isDirectory() === true;
  };
  return planCopies(words, last, flags["by-host"] === true, { schemes, expand, isFolder });
}
