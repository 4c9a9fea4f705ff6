/**
 * The `%` tokens and `${NAME}` of ssh_config(5), in values that `ssh -G` tells unexpanded, and `~`.
 */
import { createHash } from "node:crypto";
import { hostname as localHost } from "node:os";
import { join } from "node:path";
import { account } from "../transports/account.ts";

/** The values that the tokens stand for. */
export interface TokenValues {
  /** The name that the user gave. */
  readonly name: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly alias: string | undefined;
  /** The values of `ProxyJump`; "" without. */
  readonly jump: string;
}

/** The value names a token that does not exist, or a variable that is not set. */
class TokenProblem extends Error {}

/**
 * @param more tokens of one option: `{ H: "web1" }`
 * @throws {TokenProblem}
 */
export function expandTokens(
  text: string,
  values: TokenValues,
  more: Readonly<Record<string, string>> = {},
): string {
  const known: Readonly<Record<string, string>> = { ...tokensOf(values), ...more };
  return text.replace(/%(.?)/gs, (_token, letter: string) => {
    const value = known[letter];
    if (value === undefined) throw new TokenProblem(`unknown key %${letter}`);
    return value;
  });
}

/** @throws {TokenProblem} a variable is not set */
function expandVariables(text: string): string {
  return text.replace(/\$\{([^}]*)\}/g, (_all, name: string) => {
    const value = process.env[name];
    if (value === undefined) throw new TokenProblem(`env var ${name} has no value`);
    return value;
  });
}

/** @param path with `~/` or `~` at its beginning */
export function expandHome(path: string): string {
  const { home } = account();
  if (path === "~") return home;
  return path.startsWith("~/") ? join(home, path.slice(2)) : path;
}

/** A path of a file, with all that may stand in one. @throws {TokenProblem} */
export function expandPath(path: string, values: TokenValues): string {
  return expandHome(expandTokens(expandVariables(path), values));
}

function tokensOf({ name, hostname, port, user, alias, jump }: TokenValues) {
  const here = localHost();
  const whole = `${here}${hostname}${port}${user}${jump}`;
  return {
    "%": "%",
    C: createHash("sha1").update(whole).digest("hex"),
    d: account().home,
    h: hostname,
    i: String(process.getuid?.() ?? 0),
    j: jump,
    k: alias ?? name,
    L: here.replace(/\..*/, ""),
    l: here,
    n: name,
    p: String(port),
    r: user,
    u: account().name,
  };
}
