/**
 * The options that several commands share. One definition is all that parsing, `--help` and the
 * advice for typing errors know of an option. Knows no command.
 */
import { SSH_ENGINES } from "../transports/transport.ts";
import type { Definitions } from "./parse-line.ts";

/** Which interpreter runs on the remote machine. */
export const INTERPRETER = {
  kind: {
    type: "enum",
    options: ["python", "node", "bun"],
    valueHint: "KIND",
    description: "python, node or bun",
  },
  python: { type: "string", valueHint: "PATH", description: "Use this Python there" },
  node: { type: "string", valueHint: "PATH", description: "Use this Node.js there" },
  bun: { type: "string", valueHint: "PATH", description: "Use this Bun there" },
} as const satisfies Definitions;

const LEND = {
  "lend-runtime": {
    type: "boolean",
    description:
      "If a host has Python and no JavaScript, send it a Bun: once for each connection, kept in memory",
  },
} as const satisfies Definitions;

const LIMIT = {
  deadline: {
    type: "string",
    valueHint: "TIME",
    description:
      "5 (seconds), 500ms, 2m or 1h, from the start to the result. After it the exit status is 124",
  },
} as const satisfies Definitions;

/** Which targets, besides the words of the command line. */
export const TARGETS = {
  hosts: {
    type: "string",
    valueHint: "FILE",
    description:
      "Also the targets of a file: a set on each line, # for comments; -: standard input",
  },
  limit: {
    type: "string",
    valueHint: "SET",
    description: "Only those targets that are in this set too, or not in it: '!web3'",
  },
} as const satisfies Definitions;

/** How ssh is run. */
export const SSH = {
  "ssh-option": {
    type: "string",
    alias: "o",
    valueHint: "KEY=VALUE",
    repeated: true,
    description: "An option of ssh, as ssh's own -o; may be repeated",
  },
  "ssh-config": {
    type: "string",
    alias: "F",
    valueHint: "FILE",
    description: "The configuration file that ssh reads instead (default: $ECONTEXT_SSH_CONFIG)",
  },
  ssh: {
    type: "string",
    valueHint: "PROGRAM",
    suggested: ["ssh", ...SSH_ENGINES],
    description:
      "The program to run in place of ssh. embedded: none, also behind a hop, with your own " +
      "configuration and keys; auto: none where possible, at the first hop",
  },
} as const satisfies Definitions;

/** Passwords for sudo, su, doas and ssh. */
export const PASSWORDS = {
  "ask-pass": {
    type: "boolean",
    description: "Ask for a password once, at the start, and use it wherever one is wanted",
  },
  "password-command": {
    type: "string",
    valueHint: "COMMAND",
    description:
      "A shell command that prints the password; it finds $ECONTEXT_HOST and $ECONTEXT_USER",
  },
  "password-fd": {
    type: "string",
    valueHint: "N",
    description: "Read the password from this file descriptor: one line",
  },
} as const satisfies Definitions;

const LOGS = {
  "log-level": {
    type: "enum",
    options: ["info", "debug", "warning", "error"],
    valueHint: "LEVEL",
    description: "debug, info (the default), warning or error",
  },
  "log-format": {
    type: "enum",
    options: ["text", "json"],
    valueHint: "FORMAT",
    description: "text (the default), or json: one object a line, also for errors of connections",
  },
} as const satisfies Definitions;

const CACHE = {
  "no-cache": {
    type: "boolean",
    description: "Do not keep modules, prepared for sending, for the next run",
  },
} as const satisfies Definitions;

export const COMMON = {
  ...INTERPRETER,
  ...LEND,
  ...LIMIT,
  ...SSH,
  ...PASSWORDS,
  ...LOGS,
  ...CACHE,
} as const satisfies Definitions;

/** The chapters of `econtext help options`. */
export const CHAPTERS: readonly (readonly [title: string, definitions: Definitions])[] = [
  [
    "The interpreter on the remote machine. By default econtext takes one that is installed there and fits the call.",
    { ...INTERPRETER, ...LEND },
  ],
  ["The time for all of it.", LIMIT],
  ["ssh. Your ~/.ssh/config, agent and known hosts apply.", SSH],
  [
    "Passwords for sudo, su, doas and ssh. By default a question is asked on the terminal, when it comes.",
    PASSWORDS,
  ],
  ["Log lines, on stderr.", LOGS],
  ["The cache on this machine.", CACHE],
];

/** For packages that need real files on the remote machine. */
export const UNPACK = {
  unpack: {
    type: "string",
    valueHint: "NAME,...",
    repeated: true,
    description:
      "Packages to place on the remote machine as real files, in memory; removed at the end",
  },
  "unpack-into": {
    type: "string",
    valueHint: "DIR",
    description: "Remote folder for --unpack (default: $XDG_RUNTIME_DIR or /dev/shm)",
  },
} as const satisfies Definitions;

export const JSON_OPTION = {
  type: "boolean",
  description: "Print results as JSON; with several targets, one object a line",
} as const;

/** How several targets are worked on. */
export const FLEET = {
  jobs: {
    type: "string",
    alias: "j",
    valueHint: "N",
    description: "Work on N targets at the same time (default: what this machine can bear)",
  },
  serial: {
    type: "string",
    valueHint: "N|P%",
    description: "Take the targets in batches: a batch begins when the one before has ended",
  },
  "fail-fast": {
    type: "boolean",
    description: "End the run with the first failure: what runs is cancelled",
  },
  "max-failures": {
    type: "string",
    valueHint: "N|P%",
    description: "Begin no further target when more than N have failed",
  },
  retries: {
    type: "string",
    valueHint: "N",
    description: "Connect again up to N times, after a failure that may pass",
  },
  "connect-deadline": {
    type: "string",
    valueHint: "TIME",
    description: "The time for connecting alone; --deadline is then the time for the work",
  },
  joblog: {
    type: "string",
    valueHint: "FILE",
    description: "Write a line for each target that has ended, in the columns of GNU parallel",
  },
  resume: { type: "boolean", description: "Leave out the targets that ended in --joblog" },
  "resume-failed": {
    type: "boolean",
    description: "Leave out the targets that succeeded in --joblog",
  },
  plan: {
    type: "boolean",
    description: "Print the targets, what would be run and sent, and the window; start nothing",
  },
} as const satisfies Definitions;

/** How the output of several targets is shown. */
export const RESULTS = {
  group: {
    type: "boolean",
    description: "Show each target's output in one piece, in the order of the targets",
  },
  fold: {
    type: "boolean",
    description: "Show equal output once, under the names of its targets, at the end",
  },
  diff: {
    type: "boolean",
    description: "With --fold: show how the smaller groups differ from the largest",
  },
  outdir: {
    type: "string",
    valueHint: "DIR",
    description: "Write the output into files: DIR/TARGET.stdout and DIR/TARGET.stderr",
  },
  json: {
    type: "boolean",
    description: "Print one JSON object for each target, one a line (docs/result.schema.json)",
  },
} as const satisfies Definitions;

/** The common options of `exec` and `sh`. */
export const COMMAND = {
  "no-stdin": { type: "boolean", alias: "n", description: "Give it an empty standard input" },
  cwd: { type: "string", valueHint: "DIR", description: "Run it in this remote folder" },
  env: {
    type: "string",
    valueHint: "KEY=VALUE",
    repeated: true,
    description: "Set an environment variable for it; may be repeated",
  },
} as const satisfies Definitions;

/** Of `bootstrap`, which has no function to tell the language by. */
export const LANGUAGE = {
  language: {
    type: "enum",
    options: ["python", "javascript"],
    valueHint: "LANGUAGE",
    description: "python or javascript: the language of the first call",
  },
} as const satisfies Definitions;
