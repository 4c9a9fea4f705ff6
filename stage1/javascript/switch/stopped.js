/**
 * Ends this process when it has been stopped (SIGSTOP) for 4/3 of a lease. By then the master has
 * given it up, and no thread of a stopped process can see that. A program for the worker, beside
 * the switch: docs/protocol.md, `RUN`.
 *
 * A shell looks at /proc nine times a lease. It leads a session of its own, so that it goes on when
 * the process group is stopped. It reads a pipe that only this process writes to: so it ends when
 * this process has ended, however that ended.
 *
 * A process that has run between two looks has used processor time: in ticks (stat) or nanoseconds
 * (schedstat, where there is one). Then its time begins anew. SIGCONT is for the guard, which ends
 * the group.
 *
 * The master puts a line in front that defines LEASE_MS (src/session/stopped.ts).
 */
const [, load] = core;
const LOOKS = 9; // in a lease
const watch = `
(n=0
while sleep $2 && read -r s < /proc/$1/stat; do
  read -r t < /proc/$1/schedstat
  set -- $1 $2 \${s##*) }
  t="\${14} \${15} $t"
  case $3$t in
  T$o) n=$((n + 1));;
  *) n=0;;
  esac
  o=$t
  [ $n -lt ${(LOOKS * 4) / 3} ] || { kill -9 $1; kill -s CONT -- -$5; exit; }
done) &
read -r s
kill -9 0`;

const seconds = LEASE_MS / 1000 / LOOKS;
const title = ("" + load("fs").readFileSync("/proc/self/cmdline")).split("\0")[0];
// A fraction is understood by most sleeps, not by all.
const pause = String(seconds < 1 ? seconds.toFixed(2) : Math.ceil(seconds));
const argv = ["/bin/sh", "-c", watch, title, String(process.pid), pause];
const options = { cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] };
try {
  // Bun takes 10 ms to load child_process.
  const shell = process.versions.bun
    ? Bun.spawn(argv, options)
    : load("child_process").spawn(argv[0], argv.slice(1), options);
  shell.unref();
  if (shell.on) for (const one of [shell, shell.stdin]) one.on("error", () => {});
  globalThis.watch = shell; // or its pipe would be closed as garbage
} catch {
  // There is no shell, or no room for another process: this one ends when it is continued.
}
