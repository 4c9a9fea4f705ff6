/**
 * econtext.commands: runs a command without a shell, its streams over channels.
 *
 * Second tier. Twins: src/commands/remote-process.ts, commands.py. Spec: docs/protocol.md,
 * "Commands". The command stays in this context's process group: whatever becomes of the context,
 * its guard ends the command too.
 */
const { closeSync, readdirSync, readFileSync, statSync } = require("fs");
const { constants } = require("os");
const { Gatherer, discardFrame } = core.tier("gather");
const { Channel, onClose, toMaster, whenTold } = core.tier("channels");
const { launch } = core.tier("launch");
const { setTimeout } = core;
const sockets = process.versions.bun && core.tier("command_sockets");

/** Why a command was not started, in the system's words. Bun and Node.js have others for these. */
const PROBLEMS = {
  ENOENT: "No such file or directory",
  ENOTDIR: "Not a directory",
  EACCES: "Permission denied",
  ENOEXEC: "Exec format error",
  E2BIG: "Argument list too long",
};
const MISSING = ["ENOENT", "ENOTDIR"];
const NO_TERMINAL = "Node.js cannot make a terminal, which Python and Bun can";
const TERM_MS = 100;
/** What the guard, a shell in our process group, ignores. */
const GROUP = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * For each command: a promise that its call is over, and that all it has printed is sent.
 */
const running = new Set();

/**
 * No call follows. Ends the context when no command runs: so its end costs no round trip. This
 * call itself is over at once, so that it is no call beside those of the commands.
 */
exports.conclude = () => {
  Promise.all(running).then(() => {
    // The core skips the handlers of user code for the interpreter's end.
    process.emit("exit", 0);
    // The results are sent in this turn.
    setTimeout(core.close);
  });
};

exports.run = async (argv, request) => {
  // Its senders stay open: the other language may do it.
  if (request.tty && !process.versions.bun)
    return { status: 126, problem: NO_TERMINAL, lacks: "tty" };
  const senders = ["stdout", "stderr", "events"].map(
    (name) => request[name] && toMaster(request[name]),
  );
  const { signal } = (core.calling.controller = new AbortController());
  const sent = Promise.all(senders.map((sender) => sender && whenTold(sender)));
  const ended = run(argv, request, senders, core.calling);
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  const over = Promise.race([Promise.allSettled([ended, sent]), aborted]).then(() =>
    running.delete(over),
  );
  running.add(over);
  return ended;
};

/**
 * Resolves with how `argv` ended: {status: N}, {status: 128 + N, signal: NAME}, or {status: 127 or
 * 126, problem: TEXT}.
 */
const run = async (argv, request, senders, call) => {
  const { signal } = call.controller;
  const { stdin, head, cwd, tty } = request;
  const [stdout, stderr, events] = senders;
  const options = { ...request, stdout, stderr };
  // No other call runs: what our process group holds is the command's.
  const isAlone = () => [...core.active.values()].every((other) => other === call);
  const [input, control] = [new Channel(), new Channel()];
  const start = tty ? startOnTerminal : startOnPipes;
  try {
    if (head) input.sender.send(head).catch(() => {});
    if (!stdin) input.sender.close();
    // A missing folder is not to be taken for a missing command.
    if (typeof cwd === "string") statSync(`${cwd}/.`);
    const command = await start(argv, options, input.receiver);
    obey(command, control.receiver, isAlone, events);
    let isStopped = false;
    const stop = () => {
      if (isStopped) return;
      isStopped = true;
      // A reader of the output must not take this for the end of the command.
      for (const sender of [stdout, stderr]) sender?.close(signal.reason);
      end(command, isAlone);
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    // A caller that gives up closes its ends. That may come before the abort, which takes the way
    // over the worker.
    if (events) onClose(events, stop);
    events?.send([command.pid, stdin ? input.sender : null, control.sender]).catch(() => {});
    const { code, name } = await command.ended;
    return name ? { status: 128 + (constants.signals[name] ?? 0), signal: name } : { status: code };
  } catch (e) {
    const problem = PROBLEMS[e.code] ?? described(e);
    if (problem === undefined) throw e;
    if (e.syscall === "stat") return { status: 126, problem: `${cwd}: ${problem}` };
    return { status: MISSING.includes(e.code) ? 127 : 126, problem };
  } finally {
    for (const one of [stdout, stderr, events, input.receiver, control.receiver]) one?.close();
  }
};

/** A system error in the runtime's words; undefined for any other. */
const described = ({ errno }) => {
  const { getSystemErrorMap } = require("util");
  const [, words] = getSystemErrorMap().get(-Math.abs(errno)) ?? [];
  return words && words[0].toUpperCase() + words.slice(1);
};

/** End a command and all that it has started: by SIGTERM, and after 100 ms by SIGKILL. */
const end = (command, isAlone) => {
  const known = family(command, [], isAlone());
  const tell = (pids, name) => {
    for (const pid of pids)
      try {
        process.kill(pid, name);
      } catch {
        // It has ended.
      }
  };
  tell(known, command.resize ? "SIGHUP" : "SIGTERM");
  // Only processes of the command: the id of one that has ended may belong to another by now.
  setTimeout(() => tell(family(command, known, isAlone()), "SIGKILL"), TERM_MS).unref();
};

/**
 * Ids of a command, of its children and theirs, as far as they live: on a terminal, all of its
 * session; else those in our process group that have come from it, that were `known` to, or, if it
 * is alone, whose parents are gone.
 */
const family = ({ pid, isEnded }, known, isAlone) => {
  const parents = new Map();
  const session = [];
  const about = (of) => {
    const stat = readFileSync(`/proc/${of}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  };
  try {
    const [, , group] = about("self");
    for (const one of readdirSync("/proc"))
      try {
        const [state, parent, pgrp, leader] = about(Number(one));
        if (state === "Z") continue;
        if (Number(leader) === pid) session.push(Number(one));
        else if (pgrp === group) parents.set(Number(one), Number(parent));
      } catch {
        // No process, or one that has ended meanwhile.
      }
  } catch {
    // Not Linux: the command alone.
    return isEnded() ? [] : [pid];
  }
  // Neither this process nor its ancestors, which wait for it.
  const ours = [];
  for (let own = process.pid; parents.has(own); own = parents.get(own)) ours.push(own);
  const isOf = (one) => {
    if (one === pid || known.includes(one)) return true;
    if (ours.includes(one)) return false;
    return parents.has(one) ? isOf(parents.get(one)) : isAlone;
  };
  return [...session, ...[...parents.keys()].filter(isOf)];
};

/** Do what is asked for while the command runs. A delivered signal is reported to `events`. */
const obey = async (command, orders, isAlone, events) => {
  for await (const [what, ...rest] of orders) {
    try {
      if (what === "resize") command.resize?.(...rest);
      else if (GROUP.includes(rest[0]) && isAlone() && !command.resize) process.kill(0, rest[0]);
      else command.kill(rest[0]);
    } catch {
      // It has ended, or there is no such signal.
    }
    if (what === "signal") events?.send([what, ...rest]).catch(() => {});
  }
};

const hasEnded = ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null;

const environment = ({ env, tty }) => ({ ...process.env, ...env, ...(tty && { TERM: tty.term }) });

const startOnPipes = async (argv, options, input) => {
  const { stdin, head, stdout, stderr, cwd } = options;
  const outputs = [stdout, stderr].map((sender) => sender && sockets?.drain(sender));
  // What we do not make, the runtime makes.
  const stdioOf = (sender, at) => outputs[at - 1]?.fd ?? (sender ? "pipe" : at);
  const reads = stdin || head ? (sockets?.feed(input) ?? "pipe") : "ignore";
  const stdio = [reads, stdioOf(stdout, 1), stdioOf(stderr, 2)];
  const start = sockets && !stdio.includes("pipe") ? startInBun : startInNode;
  const env = environment(options);
  try {
    const settings = { stdio, cwd: cwd ?? undefined, env };
    const command = await start(launch(argv, cwd, env), settings, options, input);
    const ends = [command.exited, ...outputs.map((output) => output?.ended)];
    return { ...command, ended: Promise.all(ends).then(([how]) => how) };
  } finally {
    for (const fd of stdio) if (fd > 2) closeSync(fd);
  }
};

/** With sockets of ours for all streams. */
const startInBun = (argv, settings) => {
  const child = Bun.spawn(argv, settings);
  return {
    pid: child.pid,
    exited: child.exited.then(() => ({ code: child.exitCode, name: child.signalCode })),
    isEnded: () => hasEnded(child),
    kill: (name) => child.kill(name),
  };
};

/** Also in a Bun that lacks sockets of ours. */
const startInNode = async ([file, ...words], settings, { stdout, stderr }, input) => {
  const child = require("child_process").spawn(file, words, settings);
  const exited = new Promise((resolve) => {
    child.on("close", (code, name) => resolve({ code, name }));
  });
  // At once: Bun drops what a short command has printed before a listener is there.
  if (child.stdin) feed(child.stdin, input);
  if (child.stdout) drain(child.stdout, stdout);
  if (child.stderr) drain(child.stderr, stderr);
  await new Promise((resolve, reject) => {
    child.on("spawn", resolve);
    child.on("error", (e) => child.pid || reject(e));
  });
  return {
    pid: child.pid,
    exited,
    isEnded: () => hasEnded(child),
    kill: (name) => child.kill(name),
  };
};

/**
 * Send what a command prints, no faster than the receiver takes it. When the receiver is closed,
 * the command's pipe has no reader any more.
 */
const drain = (stream, sender) => {
  const gatherer = new Gatherer(sender, () => stream.resume());
  stream.on("data", (chunk) => {
    if (!gatherer.add(chunk)) stream.pause();
  });
  stream.on("error", () => {});
  stream.on("close", () => gatherer.end());
  onClose(sender, () => stream.destroy());
};

/** Write what comes to the command's standard input. */
const feed = async (stream, input) => {
  const gone = new Promise((resolve) => {
    stream.on("error", resolve);
    stream.on("close", resolve);
  });
  gone.then(() => input.close());
  try {
    for await (const chunk of input) {
      if (stream.write(chunk, () => discardFrame(chunk))) continue;
      await Promise.race([gone, new Promise((resolve) => stream.once("drain", resolve))]);
    }
  } catch {
    // Closed with an error: that is the end of the input, too.
  }
  stream.end();
};

const NEWLINE = 10;

/** The command takes the place of this shell. Settings hold characters that are patterns. */
const SET_MODES = 'set -f;stty $1 2>/dev/null;set +f;shift;exec "$@"';

/** Type what comes into a command's terminal. */
const type = async (child, input, hasModes, endOfFile) => {
  const { pid, terminal } = child;
  const isSetting = () => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      // A process that is about to run another program has none for a moment.
      return words.includes(SET_MODES) || (words === "" && !hasEnded(child));
    } catch {
      return false;
    }
  };
  let last = NEWLINE;
  for await (const chunk of input) {
    // What is typed while modes are being set would be edited by the modes of a new terminal.
    while (hasModes && isSetting()) await Bun.sleep(1);
    terminal.write(chunk);
    last = chunk[chunk.length - 1] ?? last;
  }
  // The input is over. Within a line, the first end-of-file character only ends that line.
  terminal.write(endOfFile.repeat(last === NEWLINE ? 1 : 2));
};

/** On a terminal of its own. */
const startOnTerminal = async (argv, options, input) => {
  const { stdout, tty, cwd } = options;
  const { settings, endOfFile } = core.tier("command_tty");
  const modes = tty.modes ?? [];
  const words = settings(modes);
  const env = environment(options);
  // What is not there fails as it should.
  const isThere = Bun.which(argv[0], { PATH: env.PATH ?? "", cwd: cwd ?? process.cwd() }) !== null;
  const line =
    words.length && isThere ? ["sh", "-c", SET_MODES, "sh", words.join(" "), ...argv] : argv;
  const sending = new Set();
  let terminalEnded;
  const silent = new Promise((resolve) => {
    terminalEnded = resolve;
  });
  const child = Bun.spawn(launch(line, cwd, env), {
    cwd: cwd ?? undefined,
    env,
    terminal: {
      name: tty.term,
      cols: tty.columns,
      rows: tty.rows,
      data(_, bytes) {
        const sent = stdout.send(new Uint8Array(bytes)).catch(() => {});
        sending.add(sent);
        sent.then(() => sending.delete(sent));
      },
      exit: terminalEnded,
    },
  });
  const { terminal } = child;
  type(child, input, line !== argv, endOfFile(modes)).catch(() => {});
  const ended = (async () => {
    await child.exited;
    await silent;
    while (sending.size) await Promise.all(sending);
    terminal.close();
    return { code: child.exitCode, name: child.signalCode };
  })();
  return {
    pid: child.pid,
    ended,
    isEnded: () => hasEnded(child),
    kill: (name) => child.kill(name),
    resize: (columns, rows) => terminal.resize(columns, rows),
  };
};
