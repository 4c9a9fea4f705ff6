/**
 * BoundAgent: the user's agent, told for each connection to it which ssh session it serves. ssh
 * does so with the agent's extension `session-bind@openssh.com` (PROTOCOL.agent). An agent then
 * enforces the destinations that a key is restricted to. It also refuses requests of a remote host
 * that only this machine may make, such as loading a library.
 */
import { connect, type Socket } from "node:net";
import { OpenSSHAgent, type ParsedKey } from "ssh2";
import { addMessage, bindMessage, type Restriction } from "./agent-messages.ts";
import type { SessionProof } from "./ssh2-internals.ts";

const LENGTH_BYTES = 4;

type StreamCallback = Parameters<NonNullable<OpenSSHAgent["getStream"]>>[0];

export class BoundAgent extends OpenSSHAgent {
  readonly #path: string;
  readonly #proof: () => SessionProof | undefined;
  readonly #isForwarded: boolean;
  readonly #sockets = new Set<Socket>();

  /**
   * @param path of the agent's socket
   * @param proof undefined: there is no session yet
   * @param isForwarded whether processes on the server use the agent
   */
  constructor(path: string, proof: () => SessionProof | undefined, isForwarded = false) {
    super(path);
    this.#path = path;
    this.#proof = proof;
    this.#isForwarded = isForwarded;
  }

  override getStream(done: StreamCallback): void {
    void this.#open().then(
      (socket) => done(undefined, socket),
      (error: Error) => done(error),
    );
  }

  /** Makes the agent hold a key. An agent that refuses it does not matter to the login. */
  async add(key: ParsedKey, comment: string, restriction: Restriction): Promise<void> {
    const socket = await this.#open();
    socket.write(addMessage(key, comment, restriction));
    await skipReply(socket);
    socket.destroy();
  }

  /** Closes the connections to the agent that are still open. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #open(): Promise<Socket> {
    const socket = connect(this.#path);
    this.#sockets.add(socket);
    socket.on("error", () => {}); // `close` follows
    socket.once("close", () => this.#sockets.delete(socket));
    await until(socket, "connect");
    const proof = this.#proof();
    if (proof !== undefined) {
      socket.write(bindMessage(proof, this.#isForwarded));
      await skipReply(socket);
    }
    return socket;
  }
}

/** Reads a reply, and ignores it: like ssh, an agent that lacks the extension is used, too. */
async function skipReply(socket: Socket): Promise<void> {
  let length: number | undefined;
  for (;;) {
    length ??= (socket.read(LENGTH_BYTES) as Buffer | null)?.readUInt32BE();
    if (length === 0 || (length !== undefined && socket.read(length) !== null)) return;
    await until(socket, "readable");
  }
}

/** @throws the agent has closed the connection */
function until(socket: Socket, event: "connect" | "readable"): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const closed = (): void => reject(new Error("the agent cannot be reached"));
  socket.once(event, () => resolve());
  socket.once("close", closed);
  return promise.finally(() => socket.off("close", closed));
}
