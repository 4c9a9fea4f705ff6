/** Reads the settings of targets: `[targets.web1]`, `[targets."bastion/web1"]`. */
import { EcontextError } from "../errors.ts";
import { KINDS, readKind } from "../interpreters/kind.ts";
import { SSH_ENGINES } from "../transports/transport.ts";
import { checkOption, type Schemes, SSH, WordError } from "../transports/word.ts";
import { readWords } from "../tree/target-path.ts";
import type { TargetSettings } from "../tree/target-settings.ts";
import type { Table } from "./table.ts";

/**
 * @param name a word of a path, or a whole path; undefined: it is not known
 * @throws {UsageError} `ERR_USAGE_CONFIG`
 */
export function readSettings(
  name: string | undefined,
  table: Table,
  schemes: Schemes,
): TargetSettings {
  const kind = table.choice("kind", KINDS);
  const paths = KINDS.flatMap((one) => {
    const path = table.text(one);
    return path === undefined ? [] : [[one, path] as const];
  });
  const path = table.text("path");
  const transport = table.text("transport");
  const sshOptions = table.texts("ssh_options");
  const sshEngine = table.choice("ssh", ["ssh", ...SSH_ENGINES]);
  const env = readEnv(table);
  const interpreter = { ...(kind && { kind }), ...Object.fromEntries(paths) };
  told(table, () => readKind(interpreter));
  if (path !== undefined && transport !== undefined) {
    throw table.problem("with a path, there is none", "transport");
  }
  const schemeOf = (text: string, key?: string): string | undefined =>
    told(table, () => readWords(text, schemes).at(-1)?.scheme, key);
  // The other settings are for the last word of the path.
  const ofPath = path === undefined ? undefined : schemeOf(path, "path");
  const ofName = path !== undefined || name === undefined ? SSH : schemeOf(name);
  const scheme = transport ?? ofPath ?? ofName ?? SSH;
  if (transport !== undefined) checkTransport(table, name ?? "x", transport, schemes);
  if (sshOptions !== undefined && scheme !== SSH) {
    throw table.problem(`${scheme} has no options of ssh`, "ssh_options");
  }
  if (sshEngine !== undefined && scheme !== SSH) {
    throw table.problem(`${scheme} has no ssh`, "ssh");
  }
  const options = readOptions(table, scheme, schemes);
  return {
    ...interpreter,
    ...(path === undefined ? {} : { path }),
    ...(env === undefined ? {} : { env }),
    ...(transport === undefined ? {} : { transport }),
    ...(sshOptions === undefined ? {} : { sshOptions }),
    ...(sshEngine === undefined ? {} : { sshEngine }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}

function checkTransport(table: Table, name: string, transport: string, schemes: Schemes): void {
  if (!schemes.has(transport) && transport !== SSH) {
    const known = [SSH, ...schemes.keys()].join(", ");
    throw table.problem(`no such transport; there are ${known}`, "transport");
  }
  told(table, () => readWords(`${transport}:${name}`, schemes), "transport");
}

/** All other keys are options of the transport. */
function readOptions(table: Table, scheme: string, schemes: Schemes): Record<string, string> {
  const data = schemes.get(scheme);
  const known = Object.keys(data?.options ?? (scheme === SSH ? { user: {} } : {}));
  const options: Record<string, string> = {};
  for (const key of known) {
    const value = table.text(key);
    if (value === undefined) continue;
    try {
      checkOption(data, key, value, value, 0);
    } catch (error) {
      if (!(error instanceof WordError)) throw error;
      throw table.problem([error.message, error.hint].filter(Boolean).join("; "), key);
    }
    options[key] = value;
  }
  table.finish();
  return options;
}

/** A name with `=` would be another one. */
function readEnv(table: Table): Readonly<Record<string, string>> | undefined {
  const env = table.textTable("env");
  const wrong = Object.entries(env ?? {}).find(
    ([name, value]) => !/^[^=\0]+$/.test(name) || value.includes("\0"),
  );
  if (wrong !== undefined) {
    const name = JSON.stringify(wrong[0]);
    throw table.problem(`${name}: not the name or the value of a variable`, "env");
  }
  return env;
}

/** Gives an error of `read` the place in the file. */
export function told<T>(table: Table, read: () => T, key?: string): T {
  try {
    return read();
  } catch (error) {
    // An error of a transport's definition names its own place.
    if (error instanceof EcontextError && error.code !== "ERR_USAGE_CONFIG")
      throw table.problem(error.message, key);
    throw error;
  }
}
