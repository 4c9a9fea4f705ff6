/** The patterns of ssh: in `Host` lines, in known_hosts, and in SendEnv. */

/** @param pattern `*` stands for any characters, `?` for one; brackets stand for themselves */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const source = escaped.replace(/\*+/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}
