/**
 * What a user has set for targets, by their own names and by the groups that they are in. Own
 * settings of a target take precedence over those of sets, and these over those of groups.
 */
import { GROUP_NAME, type GroupData, type GroupOptions, Groups } from "../sets/groups.ts";
import type { TargetSettings } from "./target-settings.ts";

/** A group, and what is set for all of its targets. */
export interface GroupSettings extends GroupData {
  readonly settings?: TargetSettings;
}

type Targets = Readonly<Record<string, TargetSettings>>;
type GroupTable = Readonly<Record<string, GroupSettings>>;

export class TargetTable {
  /** The targets that have settings of their own. */
  readonly own: Targets;
  readonly groups: Groups<GroupSettings>;
  #ofGroups:
    | { readonly version: number; readonly settings: Map<string, TargetSettings> }
    | undefined;

  constructor(own: Targets = {}, groups: GroupTable = {}, options: GroupOptions = {}) {
    this.own = own;
    this.groups = new Groups(groups, { known: Object.keys(own), ...options });
  }

  static of(targets: Targets | TargetTable | undefined, groups?: GroupTable): TargetTable {
    return targets instanceof TargetTable ? targets : new TargetTable(targets, groups);
  }

  /** @param name a word of a path, or a whole path */
  get(name: string): TargetSettings | undefined {
    const own = Object.hasOwn(this.own, name) ? this.own[name] : undefined;
    const ofGroups = this.#settingsOfGroups().get(name);
    if (own === undefined || ofGroups === undefined) return own ?? ofGroups;
    return joined(own, ofGroups);
  }

  /** @returns the targets that settings and groups name, without running a group's command */
  names(): readonly string[] {
    const { data } = this.groups;
    const groups = Object.keys(data).filter((name) => data[name]?.problem === undefined);
    return [...Object.keys(this.own), ...groups.flatMap((name) => this.groups.knownOf(name))];
  }

  #settingsOfGroups(): Map<string, TargetSettings> {
    const { groups } = this;
    if (this.#ofGroups?.version === groups.version) return this.#ofGroups.settings;
    const settings = new Map<string, TargetSettings>();
    const isGroup = (name: string): boolean => GROUP_NAME.test(name);
    const names = Object.keys(groups.data);
    for (const name of [...names.filter((one) => !isGroup(one)), ...names.filter(isGroup)]) {
      const { settings: set, problem } = groups.data[name] ?? {};
      const ofGroup = problem === undefined ? set : { problem };
      if (ofGroup === undefined) continue;
      for (const target of groups.knownOf(name)) {
        const before = settings.get(target);
        settings.set(target, before === undefined ? ofGroup : joined(before, ofGroup));
      }
    }
    this.#ofGroups = { version: groups.version, settings };
    return settings;
  }
}

/** @returns settings in which each key is the first one's, if that has it */
export function joined(first: TargetSettings, second: TargetSettings): TargetSettings {
  const { kind, python, node, bun, path, transport, options, sshOptions, env, problem } = second;
  const sshEngine = first.sshEngine ?? second.sshEngine;
  const isChosen = [first.kind, first.python, first.node, first.bun].some((one) => one);
  const isPlaced = first.path !== undefined || first.transport !== undefined;
  // Options belong to a transport.
  const isSame = !isPlaced || first.transport === transport;
  const all = {
    ...(isChosen ? {} : { kind, python, node, bun }),
    ...(isPlaced ? {} : { path, transport }),
    problem,
    ...first,
    ...(isSame && {
      options: { ...options, ...first.options },
      sshEngine,
      sshOptions: [...(first.sshOptions ?? []), ...(sshOptions ?? [])],
    }),
    env: env || first.env ? { ...env, ...first.env } : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
