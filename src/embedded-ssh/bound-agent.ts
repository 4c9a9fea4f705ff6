/**
 * BoundAgent: the user's agent, told for each connection to it which ssh session it serves. ssh
 * does so with the agent's extension `session-bind@openssh.com` (PROTOCOL.agent). An agent then
 * enforces the destinations that a key is restricted to. It also refuses requests of a remote host
 * that only this machine may make, such as loading a library.
 */
import { connect, type Socket } from "node:net";
import { OpenSSHAgent, type ParsedKey } from "ssh2";
import {
  addMessage,
  bindMessage,
  type HeldKey,
  heldKeys,
  listMessage,
  type Restriction,
} from "./agent-messages.ts";
import type { SessionProof } from "./ssh2-internals.ts";

const LENGTH_BYTES = 4;
/** Most bytes of an answer, as for ssh. */
const ANSWER_BYTES = 256 * 1024;

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

  /**
   * @returns all keys, also those that the package cannot use
   * @throws the agent cannot be reached, or its answer cannot be read
   */
  async list(): Promise<HeldKey[]> {
    return heldKeys(await this.#ask(listMessage()));
  }

  /** Makes the agent hold a key. An agent that refuses it does not matter to the login. */
  async add(key: ParsedKey, comment: string, restriction: Restriction): Promise<void> {
    await this.#ask(addMessage(key, comment, restriction));
  }

  /** Closes the connections to the agent that are still open. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Asks over a connection of its own. @throws there is no answer, or it is too long */
  async #ask(message: Buffer): Promise<Buffer> {
    const socket = await this.#open();
    try {
      socket.write(message);
      return await readReply(socket);
    } finally {
      socket.destroy();
    }
  }

  async #open(): Promise<Socket> {
    const socket = connect(this.#path);
    this.#sockets.add(socket);
    socket.on("error", () => {}); // `close` follows
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      await until(socket, "connect");
      await this.#bind(socket);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async #bind(socket: Socket): Promise<void> {
    const proof = this.#proof();
    if (proof === undefined) return;
    socket.write(bindMessage(proof, this.#isForwarded));
    // Like ssh, an agent that lacks the extension is used, too.
    await readReply(socket);
  }
}

/** @returns a reply, without its length @throws it is too long, or the connection has ended */
async function readReply(socket: Socket): Promise<Buffer> {
  let length: number | undefined;
  for (;;) {
    length ??= (socket.read(LENGTH_BYTES) as Buffer | null)?.readUInt32BE();
    if (length === 0) return Buffer.alloc(0);
    if (length !== undefined && length > ANSWER_BYTES) throw new Error("the agent says too much");
    const reply = length === undefined ? null : (socket.read(length) as Buffer | null);
    if (reply !== null) return reply;
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
