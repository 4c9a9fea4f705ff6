/**
 * A terminal to type into and to read from: a tmux server of its own, with one window. Waits for
 * text, never for time.
 */
import { randomUUID } from "node:crypto";

const DEADLINE_MS = 30_000;
const POLL_MS = 25;

export const missingTmux: string | undefined =
  Bun.which("tmux") === null ? "no tmux here" : undefined;

export class Tmux implements AsyncDisposable {
  readonly #socket = `econtext-${randomUUID()}`;

  /** @param command as for a shell */
  async open(command: string): Promise<void> {
    await this.#run("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "50", command);
  }

  async type(text: string): Promise<void> {
    await this.#run("send-keys", "-l", text);
  }

  /** `Enter`, `C-c`, `Tab` */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#run("send-keys", ...keys);
  }

  async line(text: string): Promise<void> {
    await this.type(text);
    await this.press("Enter");
  }

  /** As `line`, for a text that must not stand in an argument. */
  async paste(text: string, ...options: readonly string[]): Promise<void> {
    await this.#run("load-buffer", "-", Buffer.from(`${text}\n`));
    await this.#run("paste-buffer", "-d", ...options);
  }

  /** As `paste`, in the marks of a bracketed paste. */
  async pasteMarked(text: string): Promise<void> {
    await this.paste(text, "-p");
  }

  /** What says nothing, and is done when the prompt is there again. */
  async quietly(text: string): Promise<void> {
    await this.line(text);
    const shown = text.replace(/[^\w ]/g, "\\$&");
    await this.until(new RegExp(`${shown}\\n> *$`));
  }

  /** All that was ever shown, once it matches. */
  async until(pattern: RegExp): Promise<string> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const text = await this.#screen();
      if (pattern.test(text)) return text;
      if (performance.now() > end) throw new Error(`no ${String(pattern)} in:\n${text}`);
      await Bun.sleep(POLL_MS);
    }
  }

  /** Until an answer is there, and below it a prompt that waits. */
  answer(pattern: string): Promise<string> {
    return this.until(new RegExp(`${pattern}[^\\n]*\\n> *$`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run("kill-server").catch(() => "");
  }

  async #screen(): Promise<string> {
    const text = await this.#run("capture-pane", "-p", "-J", "-S", "-");
    return text.replace(/ +$/gm, "").trimEnd();
  }

  async #run(...words: readonly (string | Uint8Array)[]): Promise<string> {
    const args = words.filter((word) => typeof word === "string");
    const stdin = words.find((word) => typeof word !== "string") ?? "ignore";
    const argv = ["tmux", "-L", this.#socket, ...args];
    const child = Bun.spawn(argv, { stdin, stdout: "pipe", stderr: "pipe" });
    const [out, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0) throw new Error(`${args[0] ?? ""}: ${said}`);
    return out;
  }
}
