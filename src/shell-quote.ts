/**
 * Quoting of words for shells. Which function is right depends on the shell that will read the
 * word: a user's login shell may be any program, a script of ours is always read by `sh`.
 */

/**
 * One word for any login shell: sh, bash, zsh, ksh, fish, csh and tcsh. A leading `~` is left to
 * the shell, so that paths may begin with it.
 *
 * @param word without line ends, `!` (both special in csh) and backslashes (special in fish)
 */
export function quoteForLoginShell(word: string): string {
  if (/^~?[A-Za-z0-9_/.:=@%+,-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** One word for a POSIX shell only (`sh -c`): dash, bash, ksh, busybox. A `~` is not expanded. */
export function quoteForPosixShell(word: string): string {
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
