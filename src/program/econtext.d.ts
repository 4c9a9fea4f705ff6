/**
 * Types of `import … from "econtext"`, as a program of the user's sees it. Kept by hand, beside src/index.ts; test/program/types.ts says
 * where the two differ. `econtext init` writes it out.
 */
declare module "econtext" {
  export type AnyFunction = (...args: never[]) => unknown;
  /** A function of the program, or the name of one over there. */
  export type Callable = AnyFunction | string;
  export type ParametersAfterContext<F extends AnyFunction> = F extends (
    context: never,
    ...rest: infer R
  ) => unknown
    ? R
    : never;

  /**
   * What the program does: it is called when the whole file has been evaluated, and the program ends when it does. Over there it does
   * nothing.
   */
  export function run(main: (broker: Broker) => unknown, options?: RunOptions): void;
  export interface RunOptions {
    /** More folders whose modules may be sent; relative to the main file's. */
    readonly roots?: readonly string[];
  }
  /** Open a context on a broker of the program's own, which is closed when the main file has been evaluated, or `run` is over. */
  export function connect(target: string, options?: ConnectOptions): Promise<Context>;
  /** Whether this is a context that the program opened, and not the program itself. */
  export const slave: boolean;

  export interface BrokerOptions {
    /** Folders whose modules the far side may ask for; nothing outside of them is ever served. Default: none. */
    readonly roots?: readonly string[];
    /** Options of every `connect`, unless that says otherwise. */
    readonly defaults?: ConnectOptions;
    /** Lowest level of what is sent to `onLog`; what is below it never leaves the far side. Default `info`. */
    readonly logLevel?: LevelName;
    /** Hears far logging, stdout and stderr, a record a line. Must not throw. */
    readonly onLog?: (record: LogRecord) => void;
    /** Milliseconds that a cancelled call has to end, and a closed context to drain. Default 2,000. */
    readonly graceMs?: number;
    /** Cancels every call of its contexts, here and over there. */
    readonly signal?: AbortSignal;
    /** Milliseconds of silence after which a remote context is given up, by both ends. Default 45,000; 0: never. */
    readonly leaseMs?: number;
    /** Whether what modules become on their way is kept for other runs, in `$XDG_CACHE_HOME/econtext`. Default true. */
    readonly cache?: boolean;
    /** Hears how far the lending of a runtime has come, often. Must not throw. */
    readonly onLend?: (progress: LendProgress) => void;
  }
  /** How much of a Bun has arrived; the last one has `sentBytes` equal to `totalBytes`. */
  export interface LendProgress {
    readonly context: string;
    readonly sentBytes: number;
    readonly totalBytes: number;
  }
  export type Kind = "python" | "node" | "bun";
  export type Language = "python" | "javascript";
  /** Which interpreter to use there. */
  export interface KindOptions {
    /** This one and no other; default: the first that is there of those that can do the first call. */
    readonly kind?: Kind;
    /** Its path or name; says the kind, too. */
    readonly python?: string;
    readonly node?: string;
    readonly bun?: string;
  }
  export interface ConnectOptions extends KindOptions {
    /** Its name in messages and logs; default: the target. */
    readonly name?: string;
    /** Milliseconds until it must have answered. Default 60,000. */
    readonly deadline?: number;
    /** What `ps` shows over there; default `econtext:USER@HOST:PID` of this process. */
    readonly argv0?: string;
    readonly ssh?: SshOptions;
    /** Where there is a Python, but neither Bun nor Node.js: bring a Bun along, in memory. A text: the path of one for that platform. */
    readonly lend?: boolean | string;
    /** Packages to place there as real files; the folder is removed with the context. */
    readonly unpack?: readonly string[];
    /** Where that folder is made. Default: in memory, `$XDG_RUNTIME_DIR` or `/dev/shm`. */
    readonly unpackInto?: string;
  }
  export interface SshOptions {
    /** Run in place of `ssh`. */
    readonly program?: string;
    /** Put in front of the destination: `["-p", "2222"]`. */
    readonly options?: readonly string[];
    /** Whether ssh may ask on a terminal; default: whether there is one. */
    readonly interactive?: boolean;
  }
  /** Opens contexts, hears their logs, and sees them all out. */
  export class Broker implements AsyncDisposable {
    constructor(options?: BrokerOptions);
    /** Open a context: `local`, or what `ssh` accepts as a destination. What goes wrong is told by the first call, or by `ready()`. */
    connect(target: string, options?: ConnectOptions): Promise<Context>;
    /** Close every context, all at once. Never rejects. */
    close(): Promise<void>;
    /** End every context by force, at once; every pending call gets `reason`. */
    sever(reason: EcontextError): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
  }

  export interface CallOptions {
    /** Milliseconds from now until the call is given up, here and over there. */
    readonly deadline?: number;
    /** Cancels the call, here and over there. */
    readonly signal?: AbortSignal;
    /** The function's first parameter is the slave's own ExternalContext. */
    readonly withContext?: boolean;
  }
  /** What a slave says about itself when it is ready. */
  export interface SlaveInfo {
    readonly kind: Kind;
    readonly version: string;
    readonly pid: number;
    readonly executable: string;
  }
  /** What a call gives: a generator of the function's can be iterated as it arrives. */
  export type Result<F extends AnyFunction> = [ReturnType<F>] extends [never]
    ? Promise<never>
    : ReturnType<F> extends AsyncGenerator<infer T> | Generator<infer T>
      ? Promise<AsyncGenerator<T, void, undefined>> & AsyncIterable<T>
      : Promise<Awaited<ReturnType<F>>>;
  /** What a command reads: bytes, text, or what gives these. */
  export type Input =
    | Uint8Array
    | string
    | ReadableStream<Uint8Array | string>
    | AsyncIterable<Uint8Array | string>;
  export interface Terminal {
    /** What `TERM` says; default `xterm-256color`. */
    readonly term?: string;
    readonly columns: number;
    readonly rows: number;
    /** Its characters and flags, by the numbers of RFC 4254, section 8. Default: those of a new terminal. */
    readonly modes?: readonly (readonly [number: number, value: number])[];
  }
  export interface ExecOptions {
    /** Default: empty. `pipe`: what is written to `stdin` of the process. */
    readonly stdin?: Input | "pipe";
    /** `pipe` (the default): read from `stdout` here, and what is not read slows the command. `log`: log records. */
    readonly stdout?: "pipe" | "log";
    readonly stderr?: "pipe" | "log";
    /** Run it on a terminal: `stdin` is what is typed, `stdout` what is shown. */
    readonly tty?: Terminal;
    /** Its working directory; default: the context's. */
    readonly cwd?: string;
    /** Added to the context's environment. */
    readonly env?: Readonly<Record<string, string>>;
    /** Milliseconds from now until it is killed over there. */
    readonly deadline?: number;
    /** Kills it over there. */
    readonly signal?: AbortSignal;
  }
  export interface ExecResult {
    /** As a shell says it: 128 plus the signal's number when a signal ended it, 127 not found, 126 not executable. */
    readonly status: number;
    readonly signal?: string;
    readonly problem?: string;
  }
  /** What a command prints: a web stream of bytes, and its lines. */
  interface CommandOutput extends ReadableStream<Uint8Array> {
    lines(): AsyncGenerator<string, void, undefined>;
  }
  /** A command over there. Made by `Context.exec`. */
  export class RemoteProcess {
    private constructor();
    /** With `stdin: "pipe"`: what it reads. Else nobody can write to it: `ERR_USAGE_COMMAND`. */
    readonly stdin: WritableStream<Uint8Array | string>;
    readonly stdout: CommandOutput;
    readonly stderr: CommandOutput;
    /** How it ended, when all that it printed has arrived here. Rejects as `callWith` does. */
    readonly exited: Promise<ExecResult>;
    get pid(): number | undefined;
    get exitCode(): number | undefined;
    get signal(): string | undefined;
    kill(signal?: string): void;
    /** As `kill`. Resolves when the far side has passed it on, or the command has ended. */
    deliver(signal: string): Promise<void>;
    resize(columns: number, rows: number): void;
  }
  export interface ShellOutput {
    readonly stdout: string;
    readonly stderr: string;
    readonly exitCode: number;
    readonly signal?: string;
  }
  export type Shell = (parts: TemplateStringsArray, ...values: unknown[]) => ShellCommand;
  /** A shell command that runs when it is awaited or read. Made by `Context.$`. */
  export class ShellCommand implements PromiseLike<ShellOutput> {
    private constructor();
    /** A status other than 0 is no error. */
    nothrow(): this;
    /** What it says on stderr is kept, and not logged. */
    quiet(): this;
    cwd(folder: string): this;
    env(variables: Readonly<Record<string, string>>): this;
    stdin(input: Input | "pipe"): this;
    deadline(milliseconds: number): this;
    signal(signal: AbortSignal): this;
    text(): Promise<string>;
    json(): Promise<unknown>;
    lines(): AsyncGenerator<string, void, undefined>;
    // biome-ignore lint/suspicious/noThenProperty: that is what makes it run when it is awaited
    then<A = ShellOutput, B = never>(
      resolve?: ((output: ShellOutput) => A | PromiseLike<A>) | null,
      reject?: ((reason: unknown) => B | PromiseLike<B>) | null,
    ): Promise<A | B>;
  }

  export interface CopyProgress {
    /** The file that is being written; absent between files. */
    readonly path?: string;
    readonly files: number;
    readonly totalFiles: number;
    readonly bytes: number;
    readonly totalBytes: number;
  }
  /** What could not be copied, and why. */
  export interface CopyFailure {
    /** The context's name; "" for this machine. */
    readonly context: string;
    readonly path: string;
    readonly problem: string;
  }
  export interface CopyOptions {
    /** Folders and all that is in them, too. */
    readonly recursive?: boolean;
    /** Leave what is there with the same content as it is. */
    readonly checksum?: boolean;
    /** As `checksum`; and what is not finished when it is interrupted is kept, and gone on with next time. */
    readonly resume?: boolean;
    /** Over there, patterns, and `~` for the home, are what a shell makes of them. */
    readonly expand?: boolean;
    /** The destination has to be a folder. */
    readonly into?: boolean;
    /** Milliseconds from now until it is given up. */
    readonly deadline?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    /** Called some ten times a second. */
    readonly onProgress?: (progress: CopyProgress) => void;
    /** Called for each file that cannot be copied, when that is known. */
    readonly onFailure?: (failure: CopyFailure) => void;
  }
  export interface CopyResult {
    /** That were written. */
    readonly files: number;
    readonly bytes: number;
    /** That were there already. */
    readonly same: number;
  }
  export interface ReadFileOptions {
    readonly deadline?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    /** `~` is the home. */
    readonly expand?: boolean;
  }
  export interface WriteFileOptions extends ReadFileOptions {
    /** Its permissions. */
    readonly mode?: number;
  }

  export interface ReceiveOptions {
    /** Milliseconds from now until it is given up. */
    readonly deadline?: number;
  }
  /** Where values of a channel go in. May be an argument or a result of a call, or within one. Made by a `Channel`. */
  export class Sender<T = unknown> {
    private constructor();
    /** Whether the receiver takes no more. */
    get closed(): boolean;
    /** Resolves when there is room for more: awaiting it is what slows a fast sender. */
    send(value: T): Promise<void>;
    /** The receiver ends when it has taken what was sent before; with an error, it throws that. */
    close(error?: unknown): void;
    [Symbol.dispose](): void;
  }
  /** Where they come out. Made by a `Channel`. */
  export class Receiver<T = unknown> implements AsyncIterable<T> {
    private constructor();
    get closed(): boolean;
    /** The next value, in the order in which they were sent. */
    receive(options?: ReceiveOptions): Promise<T>;
    close(error?: unknown): void;
    /** Ends when the channel is closed; leaving it early closes the channel. */
    [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>;
    [Symbol.dispose](): void;
  }
  /** Values one way, between contexts, until either half is closed. */
  export class Channel<T = unknown> {
    readonly sender: Sender<T>;
    readonly receiver: Receiver<T>;
  }
  /** Values of several receivers in one loop: `for await (const [receiver, value] of new Select(a, b))`. */
  export class Select<R extends Receiver = Receiver> {
    constructor(...receivers: R[]);
    [Symbol.asyncIterator](): AsyncGenerator<
      [receiver: R, value: R extends Receiver<infer T> ? T : never]
    >;
  }

  /** Somewhere to run code outside of this process. Made by `connect`. */
  export class Context implements AsyncDisposable {
    private constructor();
    readonly id: number;
    readonly name: string;
    /** Whether it has answered. */
    get connected(): boolean;
    /** Wait until it answers. Nobody has to: calls may be made at once. */
    ready(): Promise<SlaveInfo>;
    /** Call a function of the program over there: `web.call(install, "1.4")`. */
    call<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Result<F>;
    /** By its name over there: `"os.getpid"`, `"pkg.mod:Class.method"`, `"node:os.hostname"`. */
    call(name: string, ...args: unknown[]): Promise<unknown> & AsyncIterable<unknown>;
    callWith<F extends AnyFunction>(
      options: CallOptions & { readonly withContext: true },
      fn: F,
      ...args: ParametersAfterContext<F>
    ): Result<F>;
    callWith<F extends AnyFunction>(options: CallOptions, fn: F, ...args: Parameters<F>): Result<F>;
    callWith(
      options: CallOptions,
      name: string,
      ...args: unknown[]
    ): Promise<unknown> & AsyncIterable<unknown>;
    /** Run a command over there, without a shell. */
    exec(argv: readonly string[], options?: ExecOptions): RemoteProcess;
    /** Run a shell command over there; what is put in is one word, whatever is in it. */
    readonly $: Shell;
    /** Milliseconds until the far side answers; it does even when user code hangs there. */
    /** Copy files from this machine: into `remote` where that is a folder, else as that. Each takes its place when it is whole. */
    put(
      local: string | readonly string[],
      remote: string,
      options?: CopyOptions,
    ): Promise<CopyResult>;
    /** Copy files to this machine, as `put` does. */
    get(
      remote: string | readonly string[],
      local: string,
      options?: CopyOptions,
    ): Promise<CopyResult>;
    /** Copy files to another context, as `put` does; they do not touch this machine's disk. */
    copy(
      path: string | readonly string[],
      to: Context,
      toPath: string,
      options?: CopyOptions,
    ): Promise<CopyResult>;
    readFile(path: string, options?: ReadFileOptions): Promise<Uint8Array>;
    /** The bytes of a file, as they come. */
    readStream(
      path: string,
      options?: ReadFileOptions,
    ): AsyncGenerator<Uint8Array, void, undefined>;
    /** It takes the place of what was there when it is whole; without a `mode`, with the same permissions. */
    writeFile(path: string, data: Input, options?: WriteFileOptions): Promise<void>;
    ping(options?: { readonly deadline?: number }): Promise<number>;
    /** End it: calls made before are finished. By force when the grace time is over. Never rejects. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
  }

  /** Keyword arguments for Python, as the last argument of a call. */
  export class Kwargs {
    constructor(values: Readonly<Record<string, unknown>>);
    readonly values: Readonly<Record<string, unknown>>;
  }
  export function kwargs(values: Readonly<Record<string, unknown>>): Kwargs;

  export type LevelName = "debug" | "info" | "warning" | "error" | "critical";
  export const LEVELS: Readonly<Record<LevelName, number>>;
  export function levelName(level: number): LevelName;
  export interface LogRecord {
    /** Name of the context that it comes from. */
    readonly context: string;
    /** `stdout`, `stderr`, or the name of a logger over there. */
    readonly logger: string;
    readonly level: number;
    /** Not fit for a terminal before `neutralise`. */
    readonly message: string;
    /** Milliseconds since 1970. */
    readonly time: number;
  }
  /** An error of the far side's, as a value. */
  export class RemoteError extends Error {
    constructor(type: string, message: string, traceback?: string);
    readonly type: string;
    readonly traceback: string;
  }
  export interface SentPart {
    readonly bytes: number;
    readonly sha256: string;
  }
  /** What would be sent to a target, without sending it. */
  export interface BootstrapDescription {
    readonly target: string;
    readonly tries: readonly string[];
    readonly argv: readonly string[];
    readonly command: string;
    readonly constant: { readonly command: SentPart; readonly core: SentPart };
    readonly preambleBytes: number;
  }
  export interface DescribeOptions extends KindOptions {
    /** Where no kind is asked for: of the first call. Default: one that every interpreter can do. */
    readonly language?: Language;
    readonly ssh?: SshOptions;
  }
  export function describeBootstrap(
    target: string,
    options?: DescribeOptions,
  ): BootstrapDescription;

  /** Control characters as visible escapes. */
  export function neutralise(text: string): string;
  /** The same, on one line. */
  export function oneLine(text: string): string;

  interface ErrorOptions {
    readonly cause?: unknown;
  }
  /**
   * Base of all errors that econtext throws; `code` does not change. `stack` holds the traceback of the remote function, then the
   * lines of the program that made the call.
   */
  export class EcontextError extends Error {
    constructor(code: string, message: string, options?: ErrorOptions);
    /** Status with which the program ends because of it. */
    readonly exitStatus: number;
    readonly code: string;
  }
  export class UsageError extends EcontextError {}
  /** A value cannot be sent; `path` names it: `args[0].socket`. */
  export class ValueError extends EcontextError {
    constructor(path: string, problem: string);
    readonly path: string;
  }
  export interface BootstrapReport {
    readonly argv: readonly string[];
    readonly phase: string;
    readonly status?: number | string | undefined;
    readonly said: string;
  }
  /** A child could not be started or did not become a context. */
  export class BootstrapError extends EcontextError {
    constructor(code: string, message: string, report: BootstrapReport, options?: ErrorOptions);
    readonly report: BootstrapReport;
  }
  export class ProtocolError extends EcontextError {}
  /** A context is gone; every pending call gets this. */
  export class DisconnectError extends EcontextError {}
  export class TimeoutError extends EcontextError {}
  export class CancelledError extends EcontextError {}
  /** Nobody receives any more, or nothing is to come. */
  export class ChannelError extends EcontextError {}
  /** A shell command ended with a status other than 0. */
  /** Some of the files of a copy could not be copied; the others are. */
  export class FilesError extends EcontextError {
    constructor(failures: readonly CopyFailure[], count: number);
    /** The first thousand. */
    readonly failures: readonly CopyFailure[];
  }
  export class ShellError extends EcontextError {
    constructor(context: string, script: string, exitCode: number, stdout: string, stderr: string);
    readonly exitCode: number;
    readonly stdout: string;
    readonly stderr: string;
  }
  /** The function ran over there and failed there. */
  export class CallError extends EcontextError {
    constructor(context: string, type: string, remoteMessage: string, traceback: string);
    readonly type: string;
    readonly remoteMessage: string;
    readonly traceback: string;
  }
}
