/**
 * econtext.commands: runs a command without a shell and sends what it prints, as it is, to two handles of the master.
 *
 * Second tier. Twins: src/exec.ts, commands.py. Each handle receives byte chunks in order, then null. The command stays in this
 * context's process group: whatever becomes of the context, its guard ends the command too.
 */
const { spawn } = require("child_process");
const { statSync } = require("fs");
const { constants } = require("os");

const PROBLEMS = {
  ENOENT: [127, "No such file or directory"],
  ENOTDIR: [127, "Not a directory"],
  EACCES: [126, "Permission denied"],
  ENOEXEC: [126, "Exec format error"],
};
const MAX_QUEUED = 1 << 20; // bytes that may wait before the command has to
const TERM_MS = 100;

/** Resolves with how `argv` ended: {status: N}, {status: 128 + N, signal: NAME}, or {status: 127 or 126, problem: TEXT}. */
exports.run = (argv, stdout, stderr, cwd, env) => {
  const controller = (core.calling.controller = new AbortController());
  const ended = (handle) => handle && core.send(handle, null);
  const problem = (e) => {
    const [status, text] = PROBLEMS[e.code] ?? [];
    ended(stdout);
    ended(stderr);
    if (status === undefined) throw e;
    return { status, problem: text };
  };
  // A missing folder is not to be taken for a missing command.
  if (cwd !== null && cwd !== undefined) statSync(cwd);
  let child;
  try {
    child = spawn(argv[0], argv.slice(1), {
      stdio: ["ignore", stdout ? "pipe" : 1, stderr ? "pipe" : 2],
      cwd: cwd ?? undefined,
      env: { ...process.env, ...env },
    });
  } catch (e) {
    return problem(e);
  }
  return new Promise((resolve, reject) => {
    controller.signal.addEventListener("abort", () => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), TERM_MS).unref();
    });
    for (const [stream, handle] of [
      [child.stdout, stdout],
      [child.stderr, stderr],
    ])
      stream?.on("data", (chunk) => {
        core.send(handle, new Uint8Array(chunk));
        if (core.pressure() < MAX_QUEUED) return;
        stream.pause();
        const look = setInterval(() => {
          if (core.pressure() >= MAX_QUEUED) return;
          clearInterval(look);
          stream.resume();
        }, 2);
      });
    child.on("error", (e) => {
      if (child.pid) return;
      try {
        resolve(problem(e));
      } catch (error) {
        reject(error);
      }
    });
    child.on("close", (code, signal) => {
      if (!child.pid) return;
      ended(stdout);
      ended(stderr);
      resolve(
        signal ? { status: 128 + (constants.signals[signal] ?? 0), signal } : { status: code },
      );
    });
  });
};
