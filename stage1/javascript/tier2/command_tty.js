/**
 * econtext.command_tty: the modes of a command's terminal, as words of `stty`: the runtime has no
 * call for them.
 *
 * Second tier: comes with the first command that wants a terminal. Twin: command_tty.py. The
 * numbers are those of RFC 4254, section 8.
 */
const DISABLED = 255;
const END_OF_FILE = 5;

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

/** Only what a new terminal does not have anyway. */
exports.settings = (modes) => {
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
exports.endOfFile = (modes) => {
  const value = new Map(modes).get(END_OF_FILE) ?? 4;
  return String.fromCharCode(value === DISABLED ? 4 : value);
};

const caret = (code) => {
  if (code > 31 && code < 127) return String.fromCharCode(code);
  return `^${String.fromCharCode(code ^ 64)}`;
};
