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
/** The proxy command of ProxyJump; before `-W` it may have further hosts to jump through. */
const JUMP = /^ssh (?:(.*) )?-W '?\S+:\d+'? (\S+)$/;
/** What a jump host says that does not find the target. */
const UNRESOLVED =
  /open failed: .*(?:[Nn]ame or service not known|[Nn]ame resolution|nodename nor)/;
const ESTABLISHED = /^debug1: Connection established\./;
const GREETING = /^debug1: Remote protocol version \S+, remote software version (.*)/;
const HOST_KEY = /^debug1: Server host (?:key|certificate): (\S+) (\S+)/;
const KEYS = /^debug1: SSH2_MSG_NEWKEYS received/;
const LOGGED_IN = /^Authenticated to (\S+)(?: \((.*?)\))?(?: using "(.*?)")?/;
const DEBUG = /^(?:debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: )/;

export class SshTrace {
  readonly passed: Passed[] = [];
  /** What ssh says to its user: the lines that are not for debugging. */
  said = "";
  /** The software that the server names in its greeting. */
  greeting: string | undefined;
  #rest = "";
  #proxy: string | undefined;
  /** The host that ssh jumps through, by the name that the configuration has. */
  #jump: string | undefined;
  #hasJumped = false;
  #key = "";

  /** @param at when the text came */
  push(text: string, at: number): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line, at);
  }

  /** The last stage that ssh has begun. */
  get reached(): StageName {
    const has = (stage: StageName) =>
      this.passed.some((one) => one.stage === stage && one.jump === undefined);
    if (has("login")) return "shell";
    if (has("host key")) return "login";
    if (has("tcp")) return "host key";
    // The jump host looks for the name, and connects.
    const isNamed = this.#hasJumped && !UNRESOLVED.test(this.said);
    return has("name") || isNamed ? "tcp" : "name";
  }

  /** The host that ssh jumps through and has not got through yet; undefined: there is none. */
  get jump(): string | undefined {
    return this.#hasJumped ? undefined : this.#jump;
  }

  #line(line: string, at: number): void {
    if (!DEBUG.test(line)) this.said += `${line}\n`;
    const [, proxy] = PROXY.exec(line) ?? [];
    if (proxy !== undefined && this.#proxy === undefined) {
      this.#proxy = proxy;
      const [, options = "", jump] = JUMP.exec(proxy) ?? [];
      // Of several, the first in the line is the first on the way.
      this.#jump = / ?-J (?:\S+@)?([^\s,:]+)/.exec(options)?.[1] ?? jump;
    }
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
    const [, name = "", way = "", method = ""] = LOGGED_IN.exec(line) ?? [];
    if (name === "") return;
    this.#pass("login", at, method === "" ? "authenticated" : `by ${method}`);
    if (this.#proxy !== undefined && way !== "via proxy") this.#isJump(name);
  }

  /** A proxy command may say nothing of name and address. */
  #byProxy(at: number): void {
    if (this.#proxy === undefined) return;
    const has = this.passed.some(({ stage, jump }) => stage === "tcp" && jump === undefined);
    if (has) return;
    this.#pass("name", at, `left to the proxy command: ${this.#proxy}`);
    this.#pass("tcp", at, "by the proxy command");
  }

  #pass(stage: StageName, at: number, detail: string): void {
    const isKnown = this.passed.some((one) => one.stage === stage && one.jump === undefined);
    // ssh tries the addresses of a name one after the other.
    if (isKnown) return;
    this.passed.push({ stage, at, detail });
  }

  /** What has passed so far was the way to a host that ssh jumps through. */
  #isJump(name: string): void {
    this.greeting = undefined;
    this.#key = "";
    this.#hasJumped = true;
    for (const [index, one] of this.passed.entries()) {
      if (one.jump === undefined) this.passed[index] = { ...one, jump: this.#jump ?? name };
    }
  }
}
