/**
 * LocalChild: a child process of this machine. Spawns an argument vector, carries its bytes, keeps
 * the tail of its error output, and sees to it that nothing of the child is left. Knows nothing of
 * what is said over the pipe.
 */
import { languageOf } from "../interpreters/kind.ts";
import type { DuplexListener } from "../io/duplex.ts";
import { SocketReader, SocketWriter } from "../io/socket.ts";
import type { Chunk } from "../io/splice-pipe.ts";
import {
  type ByteChild,
  type Ending,
  REAP_MS,
  type SlaveProcess,
  type Spawner,
  type SpawnOptions,
  TAIL_CHARACTERS,
} from "./child.ts";
import {
  type Descendant,
  descendantsOf,
  hangUpGroup,
  hangUpProcesses,
  parentOf,
  sweepGroup,
} from "./process-group.ts";
import { PromptTerminal } from "./prompt-terminal.ts";
import { isOwn, type Started, type StartedChild, startChild } from "./start-child.ts";

/** How long reading may take what an ended process has written. */
const DRAIN_MS = 250;

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Starts processes of this machine. */
export class LocalSpawner implements Spawner {
  spawn(argv: readonly string[], options: SpawnOptions): ByteChild {
    return new LocalChild(argv, options);
  }
}

class LocalChild implements ByteChild {
  readonly argv: readonly string[];
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  readonly #options: SpawnOptions;
  #process: Started | undefined;
  #stdin: SocketWriter | undefined;
  #stdout: SocketReader | undefined;
  #stderrReader: Reader | undefined;
  #stderr = "";
  #terminal: PromptTerminal | undefined;
  #hear: ((text: string) => void) | undefined;
  /** Bytes that are overwritten when they are written. */
  readonly #secrets: Uint8Array[] = [];
  #listener: DuplexListener | undefined;
  /** The slave's process group; undefined until it is known, and for a client. */
  #group: number | undefined;
  /** What a client that was ended leaves: of ssh, its proxy command. A group has its number. */
  #left: number | readonly Descendant[] = [];
  #reaper: ReturnType<typeof setTimeout> | undefined;
  #isAlive = true;
  #isClosed = false;

  constructor(argv: readonly string[], options: SpawnOptions) {
    this.argv = argv;
    this.#options = options;
    this.ended = this.#run();
    this.gone = this.ended.then((ending) => this.#sweep(ending));
  }

  async #run(): Promise<Ending> {
    let ending: Ending;
    try {
      ending = await this.#start();
    } catch (spawnError) {
      this.#isAlive = false;
      this.#terminal?.close();
      ending = { spawnError: spawnError as Error };
    }
    this.close();
    return ending;
  }

  /** @throws the system's error, if the program cannot be started */
  async #start(): Promise<Ending> {
    const { process: child, stdin, stdout, exited } = this.#spawn();
    void exited.then(() => {
      this.#isAlive = false;
      this.#terminal?.close();
      clearTimeout(this.#reaper);
    });
    this.#process = child;
    this.#stdin = new SocketWriter(stdin, () => {
      this.#wipe();
      this.#listener?.drained();
    });
    const silent = Promise.withResolvers<void>();
    this.#stdout = new SocketReader(
      stdout,
      () => this.#listener,
      () => {
        silent.resolve();
        this.#end();
      },
    );
    this.#stderrReader = child.stderr.getReader();
    const read = Promise.all([silent.promise, this.#readStderr(this.#stderrReader)]);
    const ending = await exited;
    // Another process may hold the pipes open. All that the child wrote is read within that time.
    const enough = Promise.withResolvers<void>();
    const timer = setTimeout(enough.resolve, DRAIN_MS);
    await Promise.race([read, enough.promise]);
    clearTimeout(timer);
    return ending;
  }

  #spawn(): StartedChild {
    const { argv } = this;
    if (this.#options.pty === true) {
      this.#terminal = PromptTerminal.open((text) => this.#said(text));
    }
    return startChild(argv, this.#options, this.#terminal?.path);
  }

  async #readStderr(from: Reader): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await from.read();
      if (done) return;
      this.#said(decoder.decode(value, { stream: true }));
    }
  }

  #said(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-TAIL_CHARACTERS);
    this.#hear?.(text);
  }

  get stderr(): string {
    return this.#stderr;
  }

  hear(listener: ((text: string) => void) | undefined): void {
    this.#hear = listener;
  }

  settle(): void {
    this.#terminal?.relax();
  }

  writeSecret(bytes: Uint8Array): void {
    if (this.#terminal !== undefined && this.#isAlive) {
      try {
        this.#terminal.write(bytes);
      } catch {
        // The program is about to end: that tells why.
      } finally {
        bytes.fill(0);
      }
      return;
    }
    this.#secrets.push(bytes);
    if (this.write(bytes)) this.#wipe();
  }

  #wipe(): void {
    for (const bytes of this.#secrets.splice(0)) bytes.fill(0);
  }

  listen(listener: DuplexListener): void {
    this.#listener = listener;
  }

  write(chunk: Chunk): boolean {
    return this.#stdin?.write(chunk) ?? true;
  }

  close(): void {
    this.#stdin?.close();
    this.#wipe();
    this.#stdout?.close();
    if (this.#isAlive) this.#reaper ??= setTimeout(() => this.#signal("SIGKILL"), REAP_MS);
    else this.#stderrReader?.cancel().catch(() => {});
    this.#end();
  }

  /**
   * A guard ignores SIGTERM, so its group is killed. A client may have to clean up at its far end.
   */
  kill(): void {
    const pid = this.#process?.pid;
    if (!this.#isAlive || pid === undefined) return;
    if (this.#options.isClient || this.#options.asks) {
      this.#signal("SIGTERM");
      return;
    }
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#signal("SIGKILL"); // it is not yet in a group of its own
    }
  }

  /**
   * JavaScript stays in the group of its guard. A Python has a group of its own, and its word for
   * that is taken only if the system says the same.
   */
  adopt({ kind, pid }: SlaveProcess): void {
    const own = this.#process?.pid;
    if (this.#options.isClient || this.#group !== undefined || own === undefined) return;
    if (languageOf(kind) === "javascript") this.#group = own;
    else if (parentOf(pid) === own) this.#group = pid;
  }

  /**
   * The guard of a slave leaves nothing behind. If something has killed the guard, that is done
   * here. A client tidies up unless a signal of this process has ended it.
   */
  async #sweep({ signal }: Ending): Promise<void> {
    await (typeof this.#left === "number" ? hangUpGroup(this.#left) : hangUpProcesses(this.#left));
    if (this.#group !== undefined && signal !== undefined) await sweepGroup(this.#group);
  }

  #signal(name: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (!this.#isAlive || pid === undefined) return;
    if (this.#options.isClient) this.#left = isOwn(this.#options) ? pid : descendantsOf(pid);
    this.#process?.kill(name);
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed();
  }
}
