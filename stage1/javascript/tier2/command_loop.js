/**
 * econtext.command_loop: serves a command that does not end at once, its streams over channels.
 *
 * Second tier: comes with econtext.commands. Twin: command_loop.py.
 */
const { readdirSync, readFileSync } = require("fs");
const { refusal, result } = core.tier("commands");
const { Channel, onClose, toMaster, whenTold } = core.tier("channels");
const { drain, feed } = core.tier("command_streams");
const { setTimeout } = core;

const NO_TERMINAL = "Node.js cannot make a terminal, which Python and Bun can";
const TERM_MS = 100;
/** What the guard, a shell in our process group, ignores. */
const GROUP = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Serves `request.command`, or `argv` on a new terminal. Resolves as `run` of commands.js. */
exports.run = async (argv, request, call) => {
  // Its senders stay open: the other language may do it.
  if (request.tty && !process.versions.bun)
    return { status: 126, problem: NO_TERMINAL, lacks: "tty" };
  const senders = ["stdout", "stderr", "events"].map(
    (name) => request[name] && toMaster(request[name]),
  );
  const sent = Promise.all(senders.map((sender) => sender && whenTold(sender)));
  const { signal } = call.controller;
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  const how = await serve(argv, request, senders, call);
  // The context ends with its last call: all that was printed has to be sent before.
  if (request.last) await Promise.race([sent, aborted]);
  return how;
};

const serve = async (argv, request, senders, call) => {
  const { signal } = call.controller;
  const { stdin, tty } = request;
  const [stdout, stderr, events] = senders;
  // No other call runs: what our process group holds is the command's.
  const isAlone = () => [...core.active.values()].every((other) => other === call);
  const [input, control] = [new Channel(), new Channel()];
  try {
    if (!stdin) input.sender.close();
    // Channels are opened in the next turn. What was printed must not overtake that.
    await undefined;
    const options = { ...request, stdout, stderr };
    const command = tty
      ? await core.tier("command_tty").start(argv, options, input.receiver)
      : join(request.command, options, input.receiver);
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
    return result(await command.ended);
  } catch (e) {
    return refusal(e, request);
  } finally {
    for (const one of [stdout, stderr, events, input.receiver, control.receiver]) one?.close();
  }
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

/**
 * Do what is asked for while the command runs. What became of a signal is told to `events`: the
 * command may have ended, and another process hold its output open.
 */
const obey = async (command, orders, isAlone, events) => {
  for await (const [what, ...rest] of orders) {
    if (what === "signal" && command.isEnded()) {
      events?.send(["ended", ...rest]).catch(() => {});
      continue;
    }
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

/** Join the streams of a command that was started to channels. */
const join = (command, { stdin, stdout, stderr }, input) => {
  const { ends, child, printed, exited } = command;
  if (ends) {
    if (stdin || ends.rest) ends.feed(input);
    const silent = ends.drain({ stdout, stderr }, printed);
    return { ...command, ended: Promise.all([exited, ...silent]).then(([how]) => how) };
  }
  if (stdin) feed(child.stdin, input);
  if (child.stdout) drain(child.stdout, stdout, printed.stdout);
  if (child.stderr) drain(child.stderr, stderr, printed.stderr);
  return { ...command, ended: exited };
};
