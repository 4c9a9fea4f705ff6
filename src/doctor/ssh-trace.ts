/**
 * How far a client of ssh came, from what `ssh -v` prints and when. OpenSSH does not translate its
 * debug lines; these have been the same from 7.6 to 10.0 (sshconnect.c, sshconnect2.c, packet.c).
 * Pure: reads no clock.
 */
import type { StageName } from "./stage.ts";

/** A stage that ssh has passed. */
export interface Passed {
  readonly stage: StageName;
  /** On the clock of the caller. */
  readonly at: number;
  readonly detail: string;
  /** The host that ssh jumps through, if the stage is that one's. */
  readonly jump?: string;
}

const CONNECTING = /^debug1: Connecting to (\S+) \[(.+)\] port (\d+)\./;
const PROXY = /^debug1: Executing proxy command: (?:exec )?(.*)/;
/** The proxy command of ProxyJump, or one that a user has written like it. */
const JUMP = /^(?:\S*\/)?ssh (?:(.*) )?-W '?\S+:\d+'? (\S+)$/;
/** What a jump host says that does not find the target. */
const UNRESOLVED =
  /open failed: .*(?:[Nn]ame or service not known|[Nn]ame resolution|nodename nor)/;
const ESTABLISHED = /^debug1: Connection established\./;
const GREETING = /^debug1: Remote protocol version \S+, remote software version (.*)/;
const HOST_KEY = /^debug1: Server host (?:key|certificate): (\S+) (\S+)/;
const KEYS = /^debug1: SSH2_MSG_NEWKEYS received/;
const LOGGED_IN = /^Authenticated to (\S+)(?: \(.*?\))?(?: using "(.*?)")?/;
const DEBUG = /^(?:debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: )/;

/** A command that a client of ssh has started to reach its host. */
interface Proxy {
  readonly command: string;
  /** The host that the command logs in to; undefined: it is no client of ssh. */
  readonly jump: string | undefined;
  /** Whether the command prints debug lines itself: those of its own connection. */
  readonly isTold: boolean;
}

export class SshTrace {
  readonly passed: Passed[] = [];
  /** What ssh says to its user: the lines that are not for debugging. */
  said = "";
  /** The software that the server names in its greeting. */
  greeting: string | undefined;
  #rest = "";
  /**
   * The proxy commands that have not led to their host yet: the target's first. With `ProxyJump
   * a,b`, the client of the target starts one for b, which starts one for a.
   */
  readonly #open: Proxy[] = [];
  /** The proxy command that the present connection goes through. */
  #through: string | undefined;
  #key = "";

  /** @param at when the text came */
  push(text: string, at: number): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line, at);
  }

  /** The last stage that ssh has begun. */
  get reached(): StageName {
    if (this.#has("login")) return "shell";
    if (this.#has("host key")) return "login";
    if (this.#has("tcp")) return "host key";
    // The jump host looks for the name, and connects.
    const isNamed = this.#through !== undefined && !UNRESOLVED.test(this.said);
    return this.#has("name") || isNamed ? "tcp" : "name";
  }

  /** The host that ssh jumps through and has not got through yet; undefined: there is none. */
  get jump(): string | undefined {
    return this.#open.findLast(({ jump }) => jump !== undefined)?.jump;
  }

  #line(line: string, at: number): void {
    if (!DEBUG.test(line)) this.said += `${line}\n`;
    const [, command] = PROXY.exec(line) ?? [];
    if (command !== undefined) this.#begun(command);
    const [, host, address, port] = CONNECTING.exec(line) ?? [];
    if (host !== undefined) {
      const isSame = host === address;
      this.#pass("name", at, `${isSame ? host : `${host} is ${address}`}, port ${port}`);
    }
    if (ESTABLISHED.test(line)) this.#pass("tcp", at, "connected");
    const [, software] = GREETING.exec(line) ?? [];
    if (software !== undefined) {
      this.greeting = software;
      this.#byProxy(at);
    }
    const [, type, print] = HOST_KEY.exec(line) ?? [];
    if (type !== undefined) this.#key = `${type} ${print}`;
    if (KEYS.test(line)) {
      const server = this.greeting === undefined ? "" : `; ${this.greeting}`;
      this.#pass("host key", at, `${this.#key}${server}`);
    }
    const [, name = "", method = ""] = LOGGED_IN.exec(line) ?? [];
    if (name === "") return;
    this.#pass("login", at, method === "" ? "authenticated" : `by ${method}`);
    const proxy = this.#open.pop();
    if (proxy !== undefined) this.#isJump(proxy, name);
  }

  #begun(command: string): void {
    const [, options = "", last] = JUMP.exec(command) ?? [];
    const isTold = /(?:^| )-v/.test(options);
    // A client that tells nothing may jump, too: the first in the line is the first on the way.
    const first = / ?-J (?:\S+@)?([^\s,:]+)/.exec(options)?.[1];
    this.#open.push({ command, jump: (isTold ? undefined : first) ?? last, isTold });
  }

  /** A proxy command may say nothing of name and address: the greeting comes through it. */
  #byProxy(at: number): void {
    while (this.#open.at(-1)?.isTold === false) this.#through = this.#open.pop()?.command;
    if (this.#through === undefined || this.#has("tcp")) return;
    this.#pass("name", at, `left to the proxy command: ${this.#through}`);
    this.#pass("tcp", at, "by the proxy command");
  }

  #has(stage: StageName): boolean {
    return this.passed.some((one) => one.stage === stage && one.jump === undefined);
  }

  #pass(stage: StageName, at: number, detail: string): void {
    // ssh tries the addresses of a name one after the other.
    if (!this.#has(stage)) this.passed.push({ stage, at, detail });
  }

  /** What has passed so far was the way to a host that ssh jumps through. */
  #isJump({ command, jump }: Proxy, name: string): void {
    this.greeting = undefined;
    this.#key = "";
    this.#through = command;
    for (const [index, one] of this.passed.entries()) {
      if (one.jump === undefined) this.passed[index] = { ...one, jump: jump ?? name };
    }
  }
}
