const env = { ...process.env };
let openFiles; // see accountLimit

/**
 * @returns how many files a program of this account may open: the guard's limit. "" if
 * the interpreter has not raised its own. "" too if it cannot be read: nothing can be started then
 */
const accountLimit = () => {
  try {
    if (openFiles !== undefined) return openFiles;
    const [own, guard] = ["self", process.ppid].map((pid) =>
      /^Max open files +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")),
    );
    return (openFiles = own[2] === guard[2] && own[1] !== guard[1] ? guard[1] : "");
  } catch {
    return "";
  }
};

/** @returns what the system says of a program that was not started */
const problemOf = (e, program) => {
  // Bun takes milliseconds to load this module.
  const [, words] = load("util").getSystemErrorMap().get(-Math.abs(e.errno)) ?? [];
  return words ? `${e.code}: ${words}: ${program}` : e.message;
};

/** @throws the system's error, if there is no such program */
const check = (program) => {
  const folders = (env.PATH ?? "/usr/bin:/bin").split(":").map((folder) => `${folder || "."}/`);
  let problem;
  for (const folder of program.includes("/") ? [""] : folders)
    try {
      accessSync(folder + program, constants.X_OK);
      if (statSync(folder + program).isFile()) return;
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

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Make the argument vector that runs `argv` on a terminal, and with descriptors 3, 4 and 5 as its
 * standard streams. script(1) makes the terminal: this process cannot.
 */
const onTerminal = (argv) => {
  const shell = env.SHELL === undefined ? "unset SHELL" : `SHELL=${quote(env.SHELL)}`;
  const streams = "<&3 >&4 2>&5 3<&- 4>&- 5>&-";
  return ["script", "-qefc", `${shell};exec ${argv.map(quote).join(" ")} ${streams}`, "/dev/null"];
};

/**
 * Make the argument vector that runs `argv` with the limits of this account. A deaf program does
 * not end by what a terminal sends to the process group. A script is run by one shell, not two.
 */
const prepared = (argv, deaf) => {
  const limit = accountLimit();
  const first = (limit ? `ulimit -Sn ${limit};` : "") + (deaf ? 'trap "" INT QUIT TSTP;' : "");
  if (!first) return argv;
  const [program, flag, script, ...rest] = argv;
  return program === "sh" && flag === "-c"
    ? [program, flag, first + script, ...rest]
    : ["/bin/sh", "-c", `${first}exec "$@"`, "sh", ...argv];
};

/**
 * Start a program: a deaf one in this process group, any other in a session of its own.
 *
 * @returns what `programOf` says
 * @throws the system's error
 */
const start = (argv, { deaf, pty }) => {
  check(argv[0]);
  const hasTerminal = pty === true;
  if (hasTerminal) check("script");
  const words = prepared(hasTerminal ? onTerminal(argv) : argv, deaf && !hasTerminal);
  if (concealing.size) setFilter(ownFilter);
  try {
    return spawn(words, !deaf, hasTerminal);
  } finally {
    if (concealing.size) setFilter("0");
  }
};

const spawn = (words, detached, hasTerminal) => {
  if (typeof Bun !== "undefined" && !hasTerminal)
    return programOf(new BunProcess(words, detached), 0);
  const child = load("child_process").spawn(words[0], words.slice(1), {
    env: hasTerminal ? { ...env, SHELL: "/bin/sh" } : env,
    detached: detached || hasTerminal,
    stdio: Array(hasTerminal ? 6 : 3).fill("pipe"),
  });
  return programOf(child, hasTerminal ? 3 : 0);
};

/**
 * @param at where its standard streams begin; those that lead to and from a terminal come before
 * @returns its process; `stdin`; `keyboard`, where answers go; `outputs`: stdout, stderr, and what
 * the terminal shows; and a promise of its end, or of the error because of which it did not start
 */
const programOf = (child, at) => {
  const streams = child.stdio ?? [];
  const [keyboard, ...screen] = streams.slice(0, at || 1);
  const [stdin, ...outputs] = streams.slice(at);
  const ending = new Promise((resolve) => {
    child.on("error", (error) => child.pid || resolve({ error }));
    child.on("exit", (...how) => resolve({ how }));
  });
  return { child, stdin, keyboard, outputs: [...outputs, ...screen], ending };
};

const noop = () => {};

/** Have a stream keep what comes: else what nothing listens to is lost when the process ends. */
const holdBack = (stream) => stream.on("readable", noop);
