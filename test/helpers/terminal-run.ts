/** A command on a terminal of its own: all that it wrote, and what is left on the screen. */

export interface TerminalRun {
  /** Every byte, as text; a line ends in `\n`. */
  readonly raw: string;
  /** What stands on the screen at the end, without colours. */
  readonly screen: string;
  /** Each text that a status line has shown. */
  readonly status: readonly string[];
  readonly exitCode: number | null;
}

/** Back to the first column; clear to the end of the line. */
const ERASE = "\r\x1b[K";
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern looks for them
export const COLOUR: RegExp = /\x1b\[[\d;]*m/g;

export async function runOnTerminal(
  argv: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Record<string, string>;
    readonly columns?: number;
  },
): Promise<TerminalRun> {
  const { cwd, env = {}, columns = 80 } = options;
  const decoder = new TextDecoder();
  const over = Promise.withResolvers<void>();
  let text = "";
  const terminal = new Bun.Terminal({
    cols: columns,
    rows: 40,
    data: (_, data) => {
      text += decoder.decode(data, { stream: true });
    },
    exit: () => over.resolve(),
  });
  const base: Record<string, string | undefined> = {
    ...process.env,
    TERM: "xterm-256color",
    ...env,
  };
  if (!("NO_COLOR" in env)) delete base["NO_COLOR"];
  // The terminal ends with its last process: `sh` says when all has been written.
  const script = 'trap "" INT; "$@"; echo "ended $?"';
  // A session of its own: the terminal is that of its processes, as /dev/tty, too.
  const child = Bun.spawn(["setsid", "-cw", "sh", "-c", script, "sh", ...argv], {
    ...(cwd === undefined ? {} : { cwd }),
    env: base,
    terminal,
  });
  await child.exited;
  while (!/ended \d+\r\n$/.test(text)) await Bun.sleep(5);
  terminal.close();
  const [, told = "", status = ""] = /^([\s\S]*)ended (\d+)\r\n$/.exec(text) ?? [];
  const raw = told.replaceAll("\r\n", "\n");
  return { raw, ...read(raw), exitCode: Number(status) };
}

function read(raw: string): { screen: string; status: readonly string[] } {
  const status: string[] = [];
  const lines = raw.replace(COLOUR, "").split("\n");
  const screen = lines.map((line) => {
    const parts = line.split(ERASE);
    status.push(...parts.slice(0, -1).filter(Boolean));
    return parts.at(-1) ?? "";
  });
  return { screen: screen.join("\n"), status };
}
