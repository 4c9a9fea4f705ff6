/** First program: how a program is found and started, in the usual case. */
const env = { ...process.env };
let openFiles; // see accountLimit

/**
 * @returns how many files a program of this account may open: the guard's limit, which the
 * interpreter has raised for itself. "" if there is nothing to raise. "" too if the limit cannot be
 * read: nothing can be started then
 */
const accountLimit = () => {
  try {
    if (openFiles !== undefined) return openFiles;
    const limits = readFileSync(`/proc/${process.ppid}/limits`, "utf8");
    const [, soft, hard] = /Max open files +(\S+) +(\S+)/.exec(limits);
    return (openFiles = soft === hard ? "" : soft);
  } catch {
    return "";
  }
};

/** @returns the paths that a program may have */
const pathsOf = (program) =>
  program.includes("/")
    ? [program]
    : (env.PATH ?? "/usr/bin:/bin").split(":").map((folder) => `${folder || "."}/${program}`);

/** @throws the system's error, if it cannot be executed */
const isProgram = (path) => {
  accessSync(path, constants.X_OK);
  return statSync(path).isFile();
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
const start = (argv, { deaf }) => {
  const [program, ...words] = prepared(argv, deaf);
  const options = { env, detached: !deaf, stdio: ["pipe", "pipe", "pipe"] };
  const isBun = typeof Bun !== "undefined";
  return programOf(
    isBun
      ? new BunProcess([program, ...words], options)
      : load("child_process").spawn(program, words, options),
  );
};

/**
 * @param streams its standard streams, and what else it says
 * @returns its process; `stdin`; `keyboard`, where answers go; `outputs`; and a promise of its end,
 * or of the error because of which it did not start
 */
const programOf = (child, [stdin, ...outputs] = child.stdio ?? [], keyboard = stdin) => {
  const ending = new Promise((resolve) => {
    child.on("error", (error) => child.pid || resolve({ error }));
    child.on("exit", (...how) => resolve({ how }));
  });
  return { child, stdin, keyboard, outputs, ending };
};
