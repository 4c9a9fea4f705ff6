/** Words of other programs that econtext lacks, and what to write in their place. */

/** Options of ssh and scp that we lack, and what to write. The value is the next word. */
const OF_SSH: Readonly<Record<string, (value: string) => string | undefined>> = {
  p: port,
  P: port,
  l: (user) => `for a user: ${user || "USER"}@HOST, or -o User=${user || "USER"}`,
  i: (file) => `for a key: -o IdentityFile=${file || "FILE"}`,
  J: (hop) => `for a way through a host: ${hop || "JUMP"}/HOST, or -o ProxyJump=${hop || "JUMP"}`,
  C: () => "for compression: -o Compression=yes",
  v: () => "to see what happens at a connection: econtext doctor HOST",
};

function port(value: string): string | undefined {
  return /^\d+$/.test(value) ? `for a port: ssh://HOST:${value}, or -o Port=${value}` : undefined;
}

/**
 * Elsewhere than before the first target or before `--`, an option may belong to a command whose
 * `--` is missing.
 *
 * @param option one letter
 * @returns what to write in place of such an option of ssh, as in `-p 22` or `-p22`
 */
export function insteadOf(option: string, rawArgs: readonly string[]): string | undefined {
  const advice = Object.hasOwn(OF_SSH, option) ? OF_SSH[option] : undefined;
  const at = rawArgs.findIndex((arg) => arg.startsWith(`-${option}`));
  const isOwn = at === 0 || rawArgs.indexOf("--") > at;
  if (advice === undefined || at < 0 || !isOwn) return undefined;
  return advice(rawArgs[at]?.slice(2) || rawArgs[at + 1] || "");
}

/** Words for commands, and what to write. */
const OF_OTHERS: Readonly<Record<string, string>> = {
  copy: "econtext cp",
  scp: "econtext cp",
  rsync: "econtext cp -r",
  ssh: "econtext sh",
  shell: "econtext sh",
  login: "econtext sh",
  run: "econtext FILE for a program, econtext exec for a command",
  version: "econtext --version",
  list: "econtext ps",
  stop: "econtext down",
  start: "econtext up",
};

/** @returns what to write in place of a command that another program has */
export function insteadOfCommand(name: string): string | undefined {
  return Object.hasOwn(OF_OTHERS, name) ? OF_OTHERS[name] : undefined;
}
