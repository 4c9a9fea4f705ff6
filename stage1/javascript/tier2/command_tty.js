/**
 * econtext.command_tty: a terminal for a command of its own. Its modes are set by `stty`: the
 * runtime has no call for them.
 *
 * Second tier: comes with the first command that wants a terminal. Twin: command_tty.py. The
 * numbers of the modes are those of RFC 4254, section 8.
 */
const { readFileSync, statSync } = require("fs");
const { environment, hasEnded } = core.tier("commands");
const { launch } = core.tier("launch");

const NEWLINE = 10;
const DISABLED = 255;
const END_OF_FILE = 5;
/** The command takes the place of this shell. Settings hold characters that are patterns. */
const SET_MODES = 'set -f;stty $1 2>/dev/null;set +f;shift;exec "$@"';

/** What a new terminal has. */
const CHARACTERS = {
  1: ["intr", 3],
  2: ["quit", 28],
  3: ["erase", 127],
  4: ["kill", 21],
  5: ["eof", 4],
  6: ["eol", DISABLED],
  7: ["eol2", DISABLED],
  8: ["start", 17],
  9: ["stop", 19],
  10: ["susp", 26],
  12: ["rprnt", 18],
  13: ["werase", 23],
  14: ["lnext", 22],
};
/** By the number of the first; those that a new terminal has are marked. */
const FLAGS = {
  30: "ignpar parmrk inpck istrip inlcr igncr icrnl* iuclc ixon* ixany ixoff imaxbel iutf8",
  50: "isig* icanon* xcase echo* echoe* echok* echonl noflsh tostop iexten* echoctl* echoke*",
  70: "opost* olcuc onlcr* ocrnl onocr onlret",
};

/** Start a command on a new terminal. What `input` receives is typed into it. */
exports.start = async (argv, options, input) => {
  const { stdout, tty, cwd } = options;
  // A missing folder is not to be taken for a missing command.
  if (typeof cwd === "string") statSync(`${cwd}/.`);
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

/** Type what comes into a command's terminal. */
const type = async (child, input, hasModes, atEnd) => {
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
  terminal.write(atEnd.repeat(last === NEWLINE ? 1 : 2));
};

/** Only what a new terminal does not have anyway. */
const settings = (modes) => {
  const wanted = new Map(modes);
  const words = [];
  for (const [number, [name, value]] of Object.entries(CHARACTERS)) {
    const character = wanted.get(Number(number)) ?? value;
    if (character !== value && character < 128) words.push(name, caret(character));
    else if (character !== value && character === DISABLED) words.push(name, "^-");
  }
  for (const [first, names] of Object.entries(FLAGS))
    for (const [at, marked] of names.split(" ").entries()) {
      const name = marked.replace("*", "");
      const isSet = name !== marked;
      const value = wanted.get(Number(first) + at);
      if (value !== undefined && Boolean(value) !== isSet) words.push(value ? name : `-${name}`);
    }
  return words;
};

/** What is typed to end the input. */
const endOfFile = (modes) => {
  const value = new Map(modes).get(END_OF_FILE) ?? 4;
  return String.fromCharCode(value === DISABLED ? 4 : value);
};

const caret = (code) => {
  if (code > 31 && code < 127) return String.fromCharCode(code);
  return `^${String.fromCharCode(code ^ 64)}`;
};
