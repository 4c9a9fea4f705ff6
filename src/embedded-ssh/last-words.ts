/**
 * LastWords: why a connection has ended, in ssh's words. These depend on how far it had come.
 */
import type { Duplex } from "node:stream";
import { ConnectionFailure, Refusal } from "./failures.ts";
import type { SshSettings } from "./settings.ts";
import type { SshWire } from "./socket.ts";

/** As ssh2 emits it. */
export interface Ssh2Error extends Error {
  readonly level?: string;
  readonly code?: string;
}

/** What ssh prints if a server that is reached by a proxy or a jump host says nothing. */
export const CLOSED_BEHIND =
  "kex_exchange_identification: Connection closed by remote host\r\n" +
  "Connection closed by UNKNOWN port 65535\r\n";
/** Lines before the version of a server that are kept. */
const GREETING_LINES = 5;
/** Characters of each of these lines. */
const LINE_CHARACTERS = 300;
/** Characters of the server's reason that are kept, as by ssh. */
const REASON_CHARACTERS = 400;
const VERSION = "SSH-";
/** What ssh2 says of a version that it does not know. */
const WRONG_VERSION = "Invalid identification string";

export class LastWords {
  readonly #settings: SshSettings;
  readonly #wire: SshWire;
  #stage: "greeting" | "login" | "open" = "greeting";
  /** The line with the server's version. */
  #version = "";
  /** What the server has said before its version: often why it closes. */
  readonly #greeting: string[] = [];

  constructor(settings: SshSettings, wire: SshWire) {
    this.#settings = settings;
    this.#wire = wire;
  }

  /** Reads along until the server has told its version. */
  hear(stream: Duplex): void {
    let part = "";
    const heard = (chunk: Buffer): void => {
      const lines = (part + chunk.toString("latin1")).split("\n");
      part = lines.pop() ?? "";
      const isVersion = (line: string): boolean => line.startsWith(VERSION);
      const version = lines.findIndex(isVersion);
      this.#version = lines[version]?.trimEnd() ?? "";
      const before = version < 0 ? lines : lines.slice(0, version);
      const left = GREETING_LINES - this.#greeting.length;
      this.#greeting.push(...before.slice(0, left));
      if (version < 0) return;
      this.#stage = "login";
      stream.off("data", heard);
    };
    stream.on("data", heard);
  }

  /** Takes note that the server has let the user in. */
  letIn(): void {
    this.#stage = "open";
  }

  /** @returns the failure if the server closes without a word */
  closed(): ConnectionFailure {
    const { hostname } = this.#settings;
    const last = this.#unlessQuiet(`Connection closed by ${this.#where}\r\n`);
    switch (this.#stage) {
      case "greeting":
        return this.#beforeVersion("Connection closed by remote host", last);
      case "login":
        return new ConnectionFailure(last);
      case "open":
        return new ConnectionFailure(`Connection to ${hostname} closed by remote host.\r\n`);
    }
  }

  /** @returns the failure if the server tells why it disconnects */
  disconnected(code: number, reason: string): ConnectionFailure {
    const where = this.#where;
    const last = this.#unlessQuiet(`Disconnected from ${where}\r\n`);
    const told = `${code}: ${reason.slice(0, REASON_CHARACTERS)}`;
    return new ConnectionFailure(`Received disconnect from ${where}:${told}\r\n${last}`);
  }

  /** @param denied what ssh prints if all ways to log in have failed */
  failureOf(error: Ssh2Error, denied: () => string): Error {
    const { hostname, port } = this.#settings;
    const { level, message, code } = error;
    if (message === "Connection lost before handshake") return this.closed();
    if (code === "ECONNRESET" || code === "EPIPE") return this.#reset();
    if (level === "client-authentication" && message.startsWith("All configured")) {
      return new ConnectionFailure(denied());
    }
    if (level === "client-timeout") {
      return new ConnectionFailure(`Timeout, server ${hostname} not responding.\r\n`);
    }
    if (level === "handshake" && /no matching/i.test(message)) {
      const text = `Unable to negotiate with ${hostname} port ${port}: ${message}\r\n`;
      return new Refusal(text);
    }
    if (this.#stage === "greeting") {
      const last = `banner exchange: Connection to ${this.#where}: invalid format\r\n`;
      return this.#beforeVersion(message, last);
    }
    if (message === WRONG_VERSION) return this.#otherVersion();
    if (this.#stage === "login" && message === "Bad packet length") {
      return new Refusal("the server sends more than 35,000 bytes at once: a long banner");
    }
    return new ConnectionFailure(`ssh: ${hostname} port ${port}: ${message}\r\n`);
  }

  /** The server speaks another protocol, or calls it otherwise. */
  #otherVersion(): ConnectionFailure {
    const version = Buffer.from(this.#version, "latin1").toString().slice(0, LINE_CHARACTERS);
    const [, major] = /^SSH-(\d+)\.\d+-/.exec(version) ?? [];
    const [what, why] =
      major === undefined
        ? [`Bad remote protocol version identification: '${version}'`, "invalid format"]
        : [`Protocol major versions differ: 2 vs. ${major}`, "could not read protocol version"];
    return new ConnectionFailure(
      `${what}\r\nbanner exchange: Connection to ${this.#where}: ${why}\r\n`,
    );
  }

  #reset(): ConnectionFailure {
    const { hostname } = this.#settings;
    const last = this.#unlessQuiet(`Connection reset by ${this.#where}\r\n`);
    switch (this.#stage) {
      case "greeting":
        return this.#beforeVersion("read: Connection reset by peer", last);
      case "login":
        return new ConnectionFailure(last);
      case "open":
        return new ConnectionFailure(
          `Read from remote host ${hostname}: Connection reset by peer\r\n` +
            "client_loop: send disconnect: Broken pipe\r\n",
        );
    }
  }

  /** ssh shows the server's lines with `-v`. */
  #beforeVersion(what: string, last: string): ConnectionFailure {
    const lines = this.#greeting.map((line, at) => {
      const text = Buffer.from(line, "latin1").toString().trimEnd().slice(0, LINE_CHARACTERS);
      return `kex_exchange_identification: banner line ${at}: ${text}\r\n`;
    });
    const greeting = this.#unlessQuiet(lines.join(""));
    return new ConnectionFailure(`${greeting}kex_exchange_identification: ${what}\r\n${last}`);
  }

  /** The address tells which host of a chain it is. As with ssh, it is unknown behind a proxy. */
  get #where(): string {
    const { address } = this.#wire;
    return address === undefined ? "UNKNOWN port 65535" : `${address} port ${this.#settings.port}`;
  }

  #unlessQuiet(text: string): string {
    return this.#settings.isQuiet ? "" : text;
  }
}
