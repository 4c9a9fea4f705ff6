/** How many files a program of this account may open; undefined where the slave's limit is that. */
const openFiles = () => {
  try {
    // The interpreter raises its own limit. The guard, a shell, has it as it was.
    const [own, guard] = ["self", process.ppid].map((pid) =>
      /^Max open files +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")),
    );
    return own[2] === guard[2] && own[1] !== guard[1] ? guard[1] : undefined;
  } catch {
    return undefined;
  }
};

/** @returns what the system says of a program that was not started */
const problemOf = (e, program) => {
  const [, words] = getSystemErrorMap().get(-Math.abs(e.errno)) ?? [];
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
      throw Object.assign(new Error("no file"), { code: "EACCES", errno: EACCES });
    } catch (e) {
      if (problem?.code !== "EACCES") problem = e;
    }
  throw problem;
};

/**
 * Make the argument vector that runs `argv` with the account's limits. A deaf program does not end
 * by what a terminal sends to the process group. A shell that starts anyway does this, too.
 */
const prepared = (argv, deaf) => {
  const limit = openFiles();
  const first = (limit ? `ulimit -Sn ${limit};` : "") + (deaf ? 'trap "" INT QUIT TSTP;' : "");
  if (!first) return argv;
  const [program, flag, script, ...rest] = argv;
  return program === "sh" && flag === "-c"
    ? [program, flag, first + script, ...rest]
    : ["/bin/sh", "-c", `${first}exec "$@"`, "sh", ...argv];
};
