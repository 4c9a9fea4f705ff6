/**
 * Askpass: ssh's own questions (passwords, passphrases, host keys, one-time codes). ssh starts the
 * program that SSH_ASKPASS names, with the question as its argument, and reads the answer from that
 * program's output. This program is econtext itself, by another name: a link in a folder of this
 * process that no other account can enter. It gives the question to this process through a socket
 * beside the link. Twin: src/cli/askpass-program.ts.
 *
 * Nothing secret stands in an environment or an argument: the name of the link tells which ssh it
 * is that asks.
 */
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ASKPASS_SOCKET, type AskpassRequest } from "./askpass-request.ts";
import type { Secret } from "./secret.ts";

export interface AskpassListener {
  /**
   * @param client the process that asks: ssh starts others for the hosts of ProxyJump
   * @returns the answer, which is overwritten after use; undefined if there is none
   */
  ask(prompt: string, client: number): Promise<Secret | undefined>;
  /** Shows a text as long as ssh waits, for a key to be touched. */
  notice(text: string): void;
}

/** The way from one ssh to its listener. */
export interface AskpassDoor {
  /** What the ssh is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** No question is answered any more. Idempotent. */
  close(): void;
}

interface Client {
  text: string;
}

const PREFIX = "econtext-";
const ANSWER = 43; // "+"

export class Askpass {
  readonly #folder: string;
  readonly #server: Bun.UnixSocketListener<Client>;
  readonly #listeners = new Map<string, AskpassListener>();
  readonly #remove: () => void;
  #doors = 0;

  /** @returns undefined if this program cannot be started by its path, or no socket can be made */
  static open(): Askpass | undefined {
    // Only a compiled program is its own executable.
    if (!Bun.main.startsWith("/$bunfs/")) return undefined;
    for (const base of [process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), "/tmp"]) {
      try {
        removeStale(base);
        return new Askpass(mkdtempSync(join(base, `${PREFIX}${process.pid}-`)));
      } catch {
        // Not writable, or its path is too long for a socket.
      }
    }
    return undefined;
  }

  /** @param folder of this process alone, which is removed in the end */
  constructor(folder: string) {
    this.#folder = folder;
    this.#remove = () => rmSync(folder, { recursive: true, force: true });
    try {
      this.#server = Bun.listen<Client>({
        unix: join(folder, ASKPASS_SOCKET),
        socket: {
          open: (socket) => {
            socket.data = { text: "" };
          },
          data: (socket, bytes) => this.#read(socket, bytes),
        },
      });
    } catch (error) {
      this.#remove();
      throw error;
    }
    this.#server.unref();
    process.on("exit", this.#remove);
  }

  /** @param hasTerminal whether the ssh has a terminal; an old ssh asks there by itself */
  door(listener: AskpassListener, hasTerminal: boolean): AskpassDoor {
    const name = `ask-${++this.#doors}`;
    const path = join(this.#folder, name);
    symlinkSync(process.execPath, path);
    this.#listeners.set(name, listener);
    const { DISPLAY = "" } = process.env;
    // Before OpenSSH 8.4, ssh takes SSH_ASKPASS only without a terminal, and with a display.
    const display = hasTerminal || DISPLAY !== "" ? {} : { DISPLAY: "none" };
    return {
      env: { SSH_ASKPASS: path, SSH_ASKPASS_REQUIRE: "force", ...display },
      close: () => {
        if (this.#listeners.delete(name)) rmSync(path, { force: true });
      },
    };
  }

  close(): void {
    this.#server.stop(true);
    this.#listeners.clear();
    process.off("exit", this.#remove);
    this.#remove();
  }

  #read(socket: Bun.Socket<Client>, bytes: Uint8Array): void {
    socket.data.text += new TextDecoder().decode(bytes);
    if (!socket.data.text.endsWith("\n")) return;
    const { door, prompt, client, isNotice } = JSON.parse(socket.data.text) as AskpassRequest;
    const listener = this.#listeners.get(door);
    if (listener === undefined) socket.end();
    else if (isNotice) listener.notice(prompt);
    else void this.#answer(socket, listener.ask(prompt, client));
  }

  async #answer(socket: Bun.Socket<Client>, asked: Promise<Secret | undefined>): Promise<void> {
    const secret = await asked;
    if (secret !== undefined) {
      const line = secret.line();
      secret.wipe();
      socket.write(Uint8Array.of(ANSWER));
      socket.write(line);
      line.fill(0);
    }
    socket.end();
  }
}

/** Removes what processes have left that were killed. */
function removeStale(base: string): void {
  for (const name of readdirSync(base)) {
    const [, pid] = /^econtext-(\d+)-\w{6}$/.exec(basename(name)) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(join(base, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
