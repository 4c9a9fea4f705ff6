/** What completion offers: targets from settings, files of folders, and those of other machines. */
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { namedHosts } from "../../transports/ssh-config.ts";
import { LOCAL } from "../../transports/word.ts";
import type { HostConfiguration } from "../configuration.ts";
import type { Host } from "../host.ts";
import { beginning, type Candidate } from "./candidates.ts";

/** Milliseconds that a person waits for the files of another machine. */
const REMOTE_MS = 4000;

/** @returns names of targets and groups: from a user's settings and from ssh's */
export function namesOfTargets({ targets }: HostConfiguration, { env }: Host): readonly string[] {
  const file = env["ECONTEXT_SSH_CONFIG"];
  const groups = targets.groups.ownNames.map((name) => `@${name}`);
  const hosts = namedHosts(file === undefined || file === "" ? [] : ["-F", file]);
  return [...Object.keys(targets.own), ...groups, ...hosts];
}

/**
 * @param begin a set with operators, whose last target is being typed; a path, whose last word is
 * @param names of targets: from a user's settings and from ssh's
 */
export function targetsBeginning(
  begin: string,
  names: readonly string[],
  { schemes }: HostConfiguration,
): readonly Candidate[] {
  const [, kept = "", typed = ""] = /^(.*[,/!&^])?([^,/!&^]*)$/s.exec(begin) ?? [];
  const isFirst = !kept.endsWith("/");
  const words = [
    ...(isFirst ? [LOCAL] : []),
    ...names,
    ...[...schemes.values()].map(({ scheme, destination }) =>
      destination === undefined || destination.default !== undefined ? scheme : `${scheme}:`,
    ),
  ];
  // Few begin with a transport: they are offered when their first letters are there.
  const all = [...new Set(words)].filter(
    (word) => typed !== "" || !isFirst || !schemes.has(word.replace(/:$/, "")),
  );
  return beginning(
    typed,
    all.map((text) => ({ text })),
  ).map(({ text }) => ({ text: kept + text }));
}

/** @param folder that a relative path begins in */
export function filesBeginning(begin: string, folder: string): readonly Candidate[] {
  const at = begin.lastIndexOf("/") + 1;
  const [kept, typed] = [begin.slice(0, at), begin.slice(at)];
  const path = kept.startsWith("~/")
    ? join(homedir(), kept.slice(2))
    : join(kept.startsWith("/") ? "/" : folder, kept);
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter(({ name }) => name.startsWith(typed) && (typed !== "" || !name.startsWith(".")))
      .map((entry) => ({ text: `${kept}${entry.name}${entry.isDirectory() ? "/" : ""}` }));
  } catch {
    return []; // there is no such folder, or it may not be read
  }
}

/** Asks nothing, and gives up soon: a person waits for it. */
export async function remoteFilesBeginning(
  target: string,
  begin: string,
  configuration: HostConfiguration,
): Promise<readonly Candidate[]> {
  const { Broker } = await import("../../index.ts");
  const broker = new Broker({ ...configuration, logLevel: "error", onLog: () => {} });
  // A context begins in the home folder.
  const folder = begin.includes("/") ? dirname(`${begin}x`).replace(/^~\/?/, "") || "." : ".";
  const kept = begin.slice(0, begin.lastIndexOf("/") + 1);
  try {
    const context = await broker.connect(target, {
      deadline: REMOTE_MS,
      ssh: { interactive: false },
    });
    const script = 'cd -- "$1" && ls -1Ap';
    const list = context.exec(["sh", "-c", script, "sh", folder], { deadline: REMOTE_MS });
    const names = (await list.stdout.text()).split("\n").filter(Boolean);
    return beginning(
      begin,
      names.map((name) => ({ text: kept + name })),
    );
  } catch {
    return []; // a press of a key shows no error
  } finally {
    await broker.close();
  }
}
