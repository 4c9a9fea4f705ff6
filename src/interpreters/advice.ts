/** The words that errors use for each thing a plan may ask for: a kind, a language, or any. */
import type { Kind, Wants } from "./kind.ts";
import type { Plan } from "./plan.ts";

interface Advice {
  /** What an interpreter of this sort is called. */
  readonly name: string;
  /** What to install where none is found. */
  readonly install: string;
  /** The versions that will do. */
  readonly needed: string;
  /** The option that names one by its path. */
  readonly option: string;
}

const ADVICE: Readonly<Record<Kind | Wants, Advice>> = {
  python: {
    name: "Python",
    install: "Python 3",
    needed: "Python 2.7, or 3.6 and later",
    option: "--python PATH",
  },
  node: {
    name: "Node.js",
    install: "Node.js",
    needed: "Node.js 18 and later",
    option: "--node PATH",
  },
  bun: { name: "Bun", install: "Bun", needed: "Bun 1 and later", option: "--bun PATH" },
  javascript: {
    name: "Bun or Node.js",
    install: "Bun or Node.js",
    needed: "Node.js 18 and later, or Bun,",
    option: "--bun PATH or --node PATH",
  },
  any: {
    name: "Python, Bun or Node.js",
    install: "Python 3, Bun or Node.js",
    needed: "Python 2.7, 3.6 and later, Node.js 18 and later, or Bun,",
    option: "--python PATH, --bun PATH or --node PATH",
  },
};

export function adviceFor({ kind, wants }: Plan): Advice {
  return ADVICE[kind ?? wants];
}
