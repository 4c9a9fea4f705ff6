/** The host that this process is: its descriptors, environment and signals. Made once, by main. */
import { isFolder, isNull, isTerminal } from "../io/fd.ts";
import { canBeRead } from "../io/quick-calls.ts";
import { inputStream, readAllInput, readInput } from "../io/stdin.ts";
import { wasClosed } from "./closed.ts";
import {
  type Host,
  type HostTerminal,
  type Input,
  InputError,
  type Output,
  ProcessEnding,
} from "./host.ts";
import { PROCESS_SIGNALS } from "./process-signals.ts";
import { DescriptorOutput } from "./ui/descriptor-output.ts";
import { terminalModes } from "./ui/terminal-modes.ts";

export class ProcessHost implements Host {
  readonly env = process.env;
  readonly stdin: Input = {
    isTerminal: isTerminal(0),
    isEmpty: isNull(0),
    check: checkInput,
    chunks: readInput as Input["chunks"],
    bytes: async () => {
      checkInput();
      return readAllInput();
    },
    stream: inputStream,
  };
  readonly stdout: Output = new DescriptorOutput(1, process.env);
  readonly stderr: Output = new DescriptorOutput(2, process.env);
  readonly signals = PROCESS_SIGNALS;
  readonly ending = new ProcessEnding(this.signals);
  readonly terminal: HostTerminal | undefined =
    this.stdin.isTerminal && this.stdout.isTerminal ? TERMINAL : undefined;

  /** Paths are relative to the folder of this process anyway. */
  path(relative: string): string {
    return relative;
  }
}

function checkInput(): void {
  if (wasClosed(0)) throw new InputError("standard input is closed");
  if (isFolder(0)) throw new InputError("standard input is a folder");
  if (!canBeRead(0)) throw new InputError("standard input is open for writing only");
}

const TERMINAL: HostTerminal = {
  size: () => ({ columns: process.stdout.columns, rows: process.stdout.rows }),
  modes: () => terminalModes(0),
  setRaw: (isRaw) => void process.stdin.setRawMode(isRaw),
};
