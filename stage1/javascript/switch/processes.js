/** Second program: starts what the first cannot start, and keeps passwords out of core files. */
/** @returns what the system says of a program that was not started */
const problemOf = (e, program) => {
  // Bun takes milliseconds to load this module.
  const [, words] = load("util").getSystemErrorMap().get(-Math.abs(e.errno)) ?? [];
  return words ? `${e.code}: ${words}: ${program}` : e.message;
};

/** @throws the system's error, if there is no such program */
const check = (program) => {
  let problem;
  for (const path of pathsOf(program))
    try {
      if (isProgram(path)) return;
      throw Object.assign(new Error("no file"), { code: "EACCES", errno: 13 });
    } catch (e) {
      if (problem?.code !== "EACCES") problem = e;
    }
  throw problem;
};

/** On Linux, this file says which memory a core file gets. What a process starts inherits it. */
const CORE_FILTER = "/proc/self/coredump_filter";
let ownFilter; // what it was
const concealing = new Set(); // reasons for core files without memory

const setFilter = (value) => {
  try {
    writeFileSync(CORE_FILTER, value);
  } catch {
    // no Linux
  }
};

/** Keep the memory of this process out of core files, as long as there is a reason. */
const conceal = (reason, isWanted) => {
  const before = concealing.size > 0;
  if (isWanted) concealing.add(reason);
  else concealing.delete(reason);
  if (before === concealing.size > 0) return;
  try {
    ownFilter ??= `0x${readFileSync(CORE_FILTER, "latin1").trim()}`;
  } catch {
    return;
  }
  setFilter(isWanted ? "0" : ownFilter);
};

/**
 * Start a program in any of the ways that START has.
 *
 * @returns what `programOf` says
 * @throws the system's error
 */
const startAny = (argv, options) => {
  check(argv[0]);
  if (concealing.size) setFilter(ownFilter);
  try {
    return options.pty === true ? startOnTerminal(argv) : start(argv, options);
  } finally {
    if (concealing.size) setFilter("0");
  }
};

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Start a program on a terminal, with descriptors 3, 4 and 5 as its standard streams. script(1)
 * makes the terminal: this process cannot.
 */
const startOnTerminal = (argv) => {
  check("script");
  const shell = env.SHELL === undefined ? "unset SHELL" : `SHELL=${quote(env.SHELL)}`;
  const streams = "<&3 >&4 2>&5 3<&- 4>&- 5>&-";
  const script = `${shell};exec ${argv.map(quote).join(" ")} ${streams}`;
  const [program, ...words] = prepared(["script", "-qefc", script, "/dev/null"]);
  const child = load("child_process").spawn(program, words, {
    env: { ...env, SHELL: "/bin/sh" },
    detached: true,
    stdio: Array(6).fill("pipe"),
  });
  const [keyboard, shown, complained, ...own] = child.stdio ?? [];
  return programOf(child, [...own, shown, complained], keyboard);
};
