/**
 * econtext.commands: runs a command without a shell. This module starts the command, and serves it
 * if it ends at once. econtext.command_loop serves all other commands.
 *
 * Second tier. Twins: commands.py, src/commands/remote-process.ts. Spec: docs/protocol.md,
 * "Commands". The command stays in this context's process group: whatever becomes of the context,
 * its guard ends the command too.
 *
 * The modules that serve a long command take longer to compile than `true` takes to run, and the
 * worker takes longer to start. So where no other call follows, both wait for a moment.
 */
const { closeSync, existsSync, readFileSync, statSync } = require("fs");
const { constants } = require("os");
// What a command may need. sent along: command_loop
const { launch } = core.tier("launch");
const { Buffer, clearTimeout, setTimeout } = core;
const sockets = process.versions.bun && core.tier("command_sockets");

const DEAD = 4;
const PATIENCE_MS = 10; // that the last call's command has to end; the worker takes longer to start
const SHELL_BYTES = 20_000; // of a script, that a shell reads in a millisecond more
const MOST = 65536; // bytes that it may print meanwhile
const MOST_IDS = 100; // that are looked at one by one
const PRINTED = ["stdout", "stderr"];

/** Why a command was not started, in the system's words. Bun and Node.js have others for these. */
const PROBLEMS = {
  ENOENT: "No such file or directory",
  ENOTDIR: "Not a directory",
  EACCES: "Permission denied",
  ENOEXEC: "Exec format error",
  E2BIG: "Argument list too long",
};
const MISSING = ["ENOENT", "ENOTDIR"];

/**
 * Resolves with how `argv` ended: {status: N}, {status: 128 + N, signal: NAME}, or {status: 127 or
 * 126, problem: TEXT}.
 */
exports.run = async (argv, request) => {
  const call = core.calling;
  call.controller = new AbortController();
  if (!request.tty) {
    let command;
    try {
      command = start(argv, request);
      await command.started;
    } catch (e) {
      const refusal = exports.refusal(e, request);
      conclude(request);
      return refusal;
    }
    const how = request.last && (await command.early(patienceFor(request)));
    if (how && !call.controller.signal.aborted) {
      command.close?.();
      const { others } = core;
      core.others = () => mayHaveLeft(command.pid) && others();
      conclude(request, command);
      return exports.result(how);
    }
    request.command = command;
  }
  core.go();
  return core.tier("command_loop").run(argv, request, call);
};

/**
 * Whether a process may live that a command of this id has started. A look at all processes takes
 * milliseconds, and in so short a time no id was used twice: the ids of its processes are between
 * its own and the newest. Threads have ids, too.
 */
const mayHaveLeft = (command) => {
  const groupOf = (id) => {
    const stat = readFileSync(`/proc/${id}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")")).split(" ")[3];
  };
  try {
    const newest = Number(readFileSync("/proc/loadavg", "latin1").split(" ")[4]);
    const own = groupOf("self");
    let id = newest - command < MOST_IDS ? newest : 0;
    for (; id > command; id--) {
      const isOther = existsSync(`/proc/${id}`) && !existsSync(`/proc/self/task/${id}`);
      if (isOther && groupOf(id) === own) return true;
    }
    return id !== command;
  } catch {
    return true;
  }
};

/** Send what a command has told and printed, and close its senders. The reply follows. */
const conclude = (request, command) => {
  const say = (name, bodies) => {
    if (!request[name]) return;
    // A handle that nothing listens to: so little output needs no credit.
    if (bodies.length) core.send(request[name], Buffer.from("1"));
    for (const body of bodies) core.send(request[name], body);
    core.send(request[name], Buffer.from("null"), DEAD);
  };
  for (const name of PRINTED)
    say(name, command?.printed[name].length ? [valueOf(command.printed[name])] : []);
  say("events", command ? [Buffer.from(JSON.stringify([command.pid, null, null]))] : []);
};

/** As `encodeBytes` of econtext.values does it. */
const valueOf = (chunks) => {
  const bytes = Buffer.concat(chunks);
  const text = Buffer.from(`{"!b":[0,${bytes.length}]}`);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, text, bytes]);
};

exports.result = ({ code, name }) =>
  name ? { status: 128 + (constants.signals[name] ?? 0), signal: name } : { status: code };

/** The result of a command that the system does not start. @throws any other error */
exports.refusal = (e, { cwd }) => {
  const problem = PROBLEMS[e.code] ?? described(e);
  if (problem === undefined) throw e;
  if (e.syscall === "stat") return { status: 126, problem: `${cwd}: ${problem}` };
  return { status: MISSING.includes(e.code) ? 127 : 126, problem };
};

/** A system error in the runtime's words; undefined for any other. */
const described = ({ errno }) => {
  const { getSystemErrorMap } = require("util");
  const [, words] = getSystemErrorMap().get(-Math.abs(errno)) ?? [];
  return words && words[0].toUpperCase() + words.slice(1);
};

exports.hasEnded = ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null;

exports.environment = ({ env, tty }) => ({
  ...process.env,
  ...env,
  ...(tty && { TERM: tty.term }),
});

/** Start a command with a pipe for each stream that `request` names. */
const start = (argv, request) => {
  const { cwd } = request;
  // A missing folder is not to be taken for a missing command.
  if (typeof cwd === "string") statSync(`${cwd}/.`);
  const env = exports.environment(request);
  const settings = { cwd: cwd ?? undefined, env };
  const words = launch(argv, cwd, env);
  const ends = sockets?.make(request);
  return ends ? startInBun(words, settings, ends) : startInNode(words, settings, request);
};

/** With sockets of ours for all streams. */
const startInBun = (argv, settings, ends) => {
  let child;
  try {
    child = Bun.spawn(argv, { ...settings, stdio: ends.stdio });
  } catch (e) {
    ends.drop();
    throw e;
  } finally {
    for (const fd of ends.stdio) if (fd > 2) closeSync(fd);
  }
  const exited = child.exited.then(() => ({ code: child.exitCode, name: child.signalCode }));
  const printed = { stdout: [], stderr: [] };
  return {
    ends,
    printed,
    pid: child.pid,
    exited,
    isEnded: () => exports.hasEnded(child),
    kill: (name) => child.kill(name),
    early: (ms) => ends.read(printed, MOST, ms) && atMost(exited, PATIENCE_MS),
    close: ends.drop,
  };
};

/** Also in a Bun that lacks sockets of ours. */
const startInNode = ([file, ...words], settings, { stdin, head, stdout, stderr }) => {
  const pipes = [stdin || head, stdout, stderr];
  const stdio = pipes.map((isPipe, at) => (isPipe ? "pipe" : at || "ignore"));
  const child = require("child_process").spawn(file, words, { ...settings, stdio });
  const started = new Promise((resolve, reject) => {
    child.on("error", (e) => child.pid || reject(e));
    if (child.pid) resolve();
  });
  const exited = new Promise((resolve) => {
    child.on("close", (code, name) => resolve({ code, name }));
  });
  // At once: Bun drops what a short command has printed before a listener is there.
  const printed = {};
  let size = 0;
  let full;
  const isFull = new Promise((resolve) => {
    full = resolve;
  });
  for (const name of PRINTED) {
    const chunks = (printed[name] = []);
    child[name]?.on("error", () => {});
    child[name]?.on("data", (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST) full();
    });
  }
  child.stdin?.on("error", () => {});
  if (head) child.stdin?.write(head);
  if (!stdin) child.stdin?.end();
  return {
    child,
    started,
    printed,
    pid: child.pid,
    exited,
    isEnded: () => exports.hasEnded(child),
    kill: (name) => child.kill(name),
    early: (ms) => atMost(Promise.race([exited, isFull]), ms),
  };
};

/** Milliseconds that a command has to end, before other calls are served. */
const patienceFor = ({ head }) => PATIENCE_MS + (head?.length ?? 0) / SHELL_BYTES;

/** Resolves as the promise, or with undefined when so many milliseconds have passed. */
const atMost = async (promise, ms) => {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  const value = await Promise.race([promise, late]);
  clearTimeout(timer);
  return value;
};
