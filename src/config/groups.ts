/** Groups of targets: `[groups]`, and settings of a set: `[targets."web[01-20]"]`. */
import { dirname } from "node:path";
import { GROUP_NAME } from "../sets/groups.ts";
import { expand, references } from "../sets/node-set.ts";
import type { Schemes } from "../transports/word.ts";
import type { GroupSettings } from "../tree/target-table.ts";
import type { Table } from "./table.ts";
import { readSettings, told } from "./targets.ts";

/** @returns whether a key of `[targets]` is a set, and not a name */
export function isSet(key: string): boolean {
  try {
    const names = expand(key);
    return names.length !== 1 || names[0] !== key;
  } catch {
    return true; // it is wrong, or names groups
  }
}

/**
 * A wrong set stands for no target where its problem could be told: the file is refused.
 *
 * @throws {UsageError} `ERR_USAGE_CONFIG`
 */
export function checkSet(set: string, targets: Table): void {
  told(targets, () => references(set), set);
}

/** @throws {UsageError} `ERR_USAGE_CONFIG` */
export function readSet(key: string, table: Table, schemes: Schemes): GroupSettings {
  const { first, place } = about(key, table);
  const settings = readSettings(first, table, schemes);
  return { targets: key, place, folder: dirname(table.file), settings };
}

/**
 * @param value of the key: a set, a list of sets, or a table
 * @throws {UsageError} `ERR_USAGE_CONFIG`
 */
export function readGroup(name: string, groups: Table, schemes: Schemes): GroupSettings {
  if (!GROUP_NAME.test(name)) {
    throw groups.problem("a group's name has letters, digits, and . : _ - after the first", name);
  }
  const folder = dirname(groups.file);
  const whole = groups.set(name);
  if (whole !== undefined)
    return { targets: whole, place: about(whole, groups, name).place, folder };
  const table = groups.table(name);
  const [targets, command] = [table.set("targets"), table.text("command")];
  if ((targets === undefined) === (command === undefined)) {
    // A key with a typing error says more than that one is missing.
    if (targets === undefined) readSettings(undefined, table, schemes);
    throw table.problem(`needed: ${targets === undefined ? "" : "one of "}targets or command`);
  }
  if (command !== undefined) {
    const settings = readSettings(undefined, table, schemes);
    return { command, place: table.place(), folder, settings };
  }
  const { first, place } = about(targets ?? "", table, "targets");
  const settings = readSettings(first, table, schemes);
  return { targets: targets ?? "", place, folder, settings };
}

/** @returns the first name of a set, if it is known without groups */
function about(
  set: string,
  table: Table,
  key?: string,
): { readonly first: string | undefined; readonly place: string } {
  const isKnown = told(table, () => references(set), key).length === 0;
  return { first: isKnown ? expand(set)[0] : undefined, place: table.place(key) };
}
