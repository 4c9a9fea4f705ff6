/**
 * The `%` tokens and `${NAME}` of ssh_config(5), in values that `ssh -G` tells unexpanded, and `~`.
 */
import { createHash } from "node:crypto";
import { hostname as localHost } from "node:os";
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

/** Expands the tokens alone. @throws {TokenProblem} */
export function expandTokens(text: string, values: TokenValues): string {
  return text.replace(/%(.?)/gs, (_token, letter: string) => tokenOf(letter, tokensOf(values)));
}

/**
 * Expands tokens and variables in one pass, as ssh does: a `%` in the value of a variable is no
 * token.
 *
 * @param more tokens of one option: `{ H: "web1" }`
 * @throws {TokenProblem}
 */
export function expandAll(
  text: string,
  values: TokenValues,
  more: Readonly<Record<string, string>> = {},
): string {
  const known = { ...tokensOf(values), ...more };
  return text.replace(
    /\$\{([^}]*)(\}?)|%(.?)/gs,
    (_all, name: string | undefined, end: string, letter: string) =>
      name === undefined ? tokenOf(letter, known) : variable(name, end !== ""),
  );
}

function tokenOf(letter: string, known: Readonly<Record<string, string>>): string {
  const value = known[letter];
  if (value === undefined) throw new TokenProblem(`unknown key %${letter}`);
  return value;
}

function variable(name: string, isClosed: boolean): string {
  if (!isClosed) throw new TokenProblem(`environment variable '${name}' missing closing '}'`);
  const value = process.env[name];
  if (value === undefined) throw new TokenProblem(`env var \${${name}} has no value`);
  return value;
}

/** @param path with `~/` or `~` at its beginning */
export function expandHome(path: string): string {
  const { home } = account();
  if (path === "~") return home;
  return path.startsWith("~/") ? `${home.replace(/\/$/, "")}${path.slice(1)}` : path;
}

/**
 * Expands all that may stand in the path of a file. As with ssh, a `~` that a variable holds stands
 * for itself.
 *
 * @throws {TokenProblem}
 */
export function expandPath(path: string, values: TokenValues): string {
  return expandAll(expandHome(path), values);
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
