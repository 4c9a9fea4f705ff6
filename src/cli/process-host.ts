/** The host that this process is: its descriptors, environment and signals. Made once, by main. */
import { isTerminal } from "../io/fd.ts";
import { readInput } from "../io/stdin.ts";
import {
  Ending,
  type Host,
  type HostSignals,
  type HostTerminal,
  type Input,
  type Output,
} from "./host.ts";
import { DescriptorOutput } from "./ui/descriptor-output.ts";
import { terminalModes } from "./ui/terminal-modes.ts";

/** Milliseconds that a signal to this process takes to arrive, at most. */
const DYING_MS = 100;

export class ProcessHost implements Host {
  readonly env = process.env;
  readonly stdin: Input = {
    isTerminal: isTerminal(0),
    chunks: readInput as Input["chunks"],
    bytes: () => Bun.stdin.bytes(),
    stream: () => Bun.stdin.stream(),
  };
  readonly stdout: Output = new DescriptorOutput(1, process.env);
  readonly stderr: Output = new DescriptorOutput(2, process.env);
  readonly signals: HostSignals = {
    on: (name, listener) => void process.on(name, listener),
    off: (name, listener) => void process.off(name, listener),
    stop: () => void process.kill(process.pid, "SIGSTOP"),
    die: async (name) => {
      process.removeAllListeners(name);
      process.kill(process.pid, name);
      await Bun.sleep(DYING_MS);
    },
    exit: (status) => process.exit(status),
  };
  readonly ending = new Ending(this.signals);
  readonly terminal: HostTerminal | undefined =
    this.stdin.isTerminal && this.stdout.isTerminal ? TERMINAL : undefined;

  /** Paths are relative to the folder of this process anyway. */
  path(relative: string): string {
    return relative;
  }
}

const TERMINAL: HostTerminal = {
  size: () => ({ columns: process.stdout.columns, rows: process.stdout.rows }),
  modes: () => terminalModes(0),
  setRaw: (isRaw) => void process.stdin.setRawMode(isRaw),
};
