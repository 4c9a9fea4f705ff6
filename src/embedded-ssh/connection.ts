/**
 * Connection: one connection to an ssh server, from the socket to a login, and the commands that
 * run over it. A failure is an exit status of ssh, 255, and text as ssh prints it.
 */
import type { Duplex } from "node:stream";
import {
  Client,
  type ClientChannel,
  type ConnectConfig,
  type ExecOptions,
  type ParsedKey,
} from "ssh2";
import type { Asker, Ending } from "../launch/child.ts";
import { BoundAgent } from "./bound-agent.ts";
import { ConnectionFailure, isOpenFailure, NoSession, openFailed } from "./failures.ts";
import { countLogin } from "./garbage.ts";
import { HostKeyCheck } from "./host-key.ts";
import { refuseCertificates } from "./identities.ts";
import { joinWrites } from "./joined-writes.ts";
import { LastWords, type Ssh2Error } from "./last-words.ts";
import { Login } from "./login.ts";
import type { SshSettings } from "./settings.ts";
import type { SshWire } from "./socket.ts";
import {
  hearDisconnect,
  hearFailures,
  type NewPassword,
  rekey,
  type SessionProof,
  sendNewPassword,
  sessionProof,
} from "./ssh2-internals.ts";

export interface Dialog {
  /** Absent: nothing can be asked. */
  readonly asker: Asker | undefined;
  /** Gets the text that ssh would print on standard error. */
  say(text: string): void;
  /** Is called before the first byte is sent and the first question is asked, maybe repeatedly. */
  begin?(): void;
}

/** A command that a server runs. */
export interface Session {
  readonly channel: ClientChannel;
  /** @returns undefined until the server has told how the command ended */
  ending(): Ending | undefined;
}

/** Bytes after which a cipher with blocks of 16 bytes needs new keys (RFC 4344, section 3.2). */
const CIPHER_BYTES = 2 ** 36;
/** What OpenSSH says at MaxAuthTries: after keys that it does not take, or wrong passwords. */
const TOO_MANY_TRIES = /^Too many authentication failures/;
/** Milliseconds that a server has to answer that it has closed. */
const END_MS = 1000;

export class Connection {
  readonly #client: Client;
  readonly #settings: SshSettings;
  readonly #wire: SshWire;
  readonly #words: LastWords;
  readonly #closed = Promise.withResolvers<Error>();
  #isClosed = false;
  #failure: Error | undefined;
  /** Of the first key exchange. */
  #proof: () => SessionProof | undefined = () => undefined;
  /** The forwarded agent; undefined: none is forwarded, or the server refuses it. */
  #agent: BoundAgent | undefined;

  /** @throws {ConnectionFailure}, {Refusal} */
  static async open(
    settings: SshSettings,
    wire: SshWire,
    dialog: Dialog,
    signal: AbortSignal,
  ): Promise<Connection> {
    const connection = new Connection(new Client(), settings, wire);
    const giveUp = (): void => void wire.stream.destroy();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      await connection.#login(dialog, signal);
      return connection;
    } catch (error) {
      giveUp();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  private constructor(client: Client, settings: SshSettings, wire: SshWire) {
    this.#client = client;
    this.#settings = settings;
    this.#wire = wire;
    this.#words = new LastWords(settings, wire);
    const { forwardedAgent } = settings;
    if (forwardedAgent === undefined) return;
    this.#agent = new BoundAgent(forwardedAgent, () => this.#proof(), true);
  }

  /** Resolves with the reason when the connection has ended. */
  get closed(): Promise<Error> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Runs a command. @throws {NoSession}, {ConnectionFailure} */
  async run(command: string): Promise<Session> {
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const env = this.#settings.environment as Record<string, string>;
    const agentForward = this.#agent !== undefined;
    const options = { env, agentForward } as ExecOptions;
    await this.#request((client) =>
      client.exec(command, options, (error, channel) => {
        if (error === undefined) resolve(sessionOf(channel));
        else if (this.#isClosed) reject(this.#failure);
        else if (/agent forwarding/i.test(error.message)) {
          // ssh goes on without.
          this.#agent = undefined;
          resolve(this.run(command));
        } else if (isOpenFailure(error)) reject(new NoSession(openFailed(error)));
        else reject(new ConnectionFailure("exec request failed on channel 0\r\n"));
      }),
    );
    return promise;
  }

  /** Opens bytes to another server behind this one. @throws {ConnectionFailure} */
  async forward(hostname: string, port: number): Promise<SshWire> {
    const { promise, resolve, reject } = Promise.withResolvers<SshWire>();
    await this.#request((client) =>
      client.forwardOut("127.0.0.1", 0, hostname, port, (error, channel) => {
        if (error === undefined) resolve({ stream: endingAtOnce(channel) });
        else if (this.#isClosed) reject(this.#failure);
        else reject(new ConnectionFailure(`${openFailed(error)}stdio forwarding failed\r\n`));
      }),
    );
    return promise;
  }

  /** ssh2 throws where its socket has ended, before it tells why. */
  async #request(ask: (client: Client) => void): Promise<void> {
    try {
      ask(this.#client);
    } catch (error) {
      if ((error as Error).message !== "Not connected") throw error;
      this.#wire.stream.destroy();
      throw await this.closed;
    }
  }

  /** Ends the connection in good order, and by force if the server does not answer. */
  close(): void {
    if (this.#isClosed) return;
    this.#client.end();
    const timer = setTimeout(() => this.#wire.stream.destroy(), END_MS);
    this.#wire.stream.once("close", () => clearTimeout(timer));
  }

  async #login(dialog: Dialog, signal: AbortSignal): Promise<void> {
    const settings = this.#settings;
    const { login: own } = settings;
    const asker = own.isBatch ? undefined : ownAsker(dialog.asker);
    const { say } = dialog;
    const { stream } = this.#wire;
    refuseCertificates(own);
    const hostKeys = await beforeEnd(stream, this.#words.closed(), () =>
      HostKeyCheck.begin(settings, { say, asker, signal }),
    );
    const failed = (error: Error): void => {
      this.#failure ??= error;
      stream.destroy();
    };
    const login = new Login(settings, { asker, say, agent: this.#agentOfLogin(), failed });
    const ready = this.#hear(login, say);
    this.#client.on("hostkeys", (keys) => learn(hostKeys, keys));
    const timer = this.#startTimer();
    let verified: Buffer | undefined;
    this.#words.hear(stream);
    joinWrites(stream);
    this.#client.connect({
      ...this.#config(hostKeys),
      hostVerifier: (blob: Buffer, done: (isRight: boolean) => void) => {
        clearTimeout(timer);
        // During a rekey the answer must be synchronous: ssh2 sends broken packets while it waits.
        if (verified !== undefined) return verified.equals(blob);
        verified = Buffer.from(blob);
        this.#proof = sessionProof(this.#client, verified);
        void this.#verify(hostKeys, blob, login).then(this.#whileOpen(done));
        return undefined;
      },
      authHandler: (_left, _isPartial, done) => login.next(this.#whileOpen(done)),
    } as ConnectConfig);
    hearFailures(this.#client, (left, isPartial) => login.heard(left, isPartial));
    hearDisconnect(this.#client, (code, reason) => {
      // Another ssh might have offered the certificate first.
      const refusal = TOO_MANY_TRIES.test(reason) ? login.refusal : undefined;
      this.#failure ??= refusal ?? this.#words.disconnected(code, reason);
      // A server that goes on to hold the connection is not waited for.
      queueMicrotask(() => stream.destroy());
    });
    await ready.finally(() => clearTimeout(timer));
    this.#words.letIn();
    countLogin();
    // As with ssh, no keys are changed before the login. While the first ones are agreed on, a
    // request for others would never be answered.
    this.#countBytes(stream);
  }

  /** ssh2 fails where it gets an answer after its connection has ended. */
  #whileOpen<Answer>(tell: (answer: Answer) => void): (answer: Answer) => void {
    return (answer) => {
      if (!this.#isClosed && !this.#wire.stream.destroyed) tell(answer);
    };
  }

  /** An agent may wait for its person: what is asked of it ends with the connection. */
  #agentOfLogin(): BoundAgent | undefined {
    const { agent: path } = this.#settings.login;
    if (path === undefined) return undefined;
    const agent = new BoundAgent(path, () => this.#proof());
    this.#wire.stream.once("close", () => agent.close());
    return agent;
  }

  /** @returns a promise for the login */
  #hear(login: Login, say: (text: string) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settings = this.#settings;
    const fail = (failure: Error): void => {
      this.#failure ??= failure;
      reject(this.#failure);
    };
    this.#client
      .on("ready", () => resolve())
      .on("banner", (text) => {
        if (!settings.isQuiet) say(text);
      })
      .on("change password", async (told) => {
        const given = await login.newPassword(told);
        const send = this.#whileOpen((password: NewPassword) =>
          sendNewPassword(this.#client, settings.user, password),
        );
        if (given !== undefined) return send(given);
        fail(new ConnectionFailure("Your password has expired.\r\n"));
        this.#wire.stream.destroy();
      })
      .on("error", (error: Ssh2Error) => {
        // After one of the level `agent` it goes on with the next key.
        if (error.level !== "agent") fail(this.#words.failureOf(error, () => login.denied()));
      })
      // Some streams stay half open, and ssh2 tells nothing more.
      .on("end", () => void this.#wire.stream.destroy())
      .on("close", () => {
        this.#isClosed = true;
        this.#agent?.close();
        fail(this.#words.closed());
        this.#closed.resolve(this.#failure as Error);
      });
    return promise;
  }

  async #verify(hostKeys: HostKeyCheck, blob: Buffer, login: Login): Promise<boolean> {
    try {
      const verdict = await hostKeys.verify(blob, this.#wire.address);
      if (verdict.isDoubtful) login.doubt();
      if (verdict.isDoubtful) this.#agent = undefined;
      if (!verdict.isAccepted) this.#failure ??= new ConnectionFailure("");
      return verdict.isAccepted;
    } catch (error) {
      this.#failure ??= new ConnectionFailure(`${(error as Error).message}\r\n`);
      return false;
    }
  }

  /** Ends a connection to a server that does not introduce itself in time. */
  #startTimer(): ReturnType<typeof setTimeout> | undefined {
    const { connectSeconds } = this.#settings;
    if (connectSeconds === undefined) return undefined;
    return setTimeout(() => {
      this.#failure ??= new ConnectionFailure("Connection timed out during banner exchange\r\n");
      this.#wire.stream.destroy();
    }, connectSeconds * 1000);
  }

  /** Asks for new keys when so many bytes have gone over the wire, or so much time has passed. */
  #countBytes(stream: Duplex): void {
    const { rekeyBytes, rekeySeconds } = this.#settings;
    const most = rekeyBytes || CIPHER_BYTES;
    let [bytes, since] = [0, performance.now()];
    const count = ({ length }: Uint8Array | string): void => {
      bytes += length;
      const isOld = rekeySeconds !== 0 && performance.now() - since > rekeySeconds * 1000;
      if (bytes < most && !isOld) return;
      [bytes, since] = [0, performance.now()];
      // A rekey in the middle of a packet would break it.
      setImmediate(() => rekey(this.#client));
    };
    stream.on("data", count);
    const write = stream.write.bind(stream);
    stream.write = ((chunk: Uint8Array, ...rest: []) => {
      count(chunk);
      return write(chunk, ...rest);
    }) as Duplex["write"];
  }

  #config(hostKeys: HostKeyCheck): ConnectConfig {
    const { user, hostname, port, offer, aliveSeconds, aliveCount } = this.#settings;
    return {
      host: hostname,
      port,
      username: user,
      sock: this.#wire.stream,
      algorithms: {
        ...offer.algorithms,
        serverHostKey: offer.hasOwnKeyOrder
          ? offer.algorithms.serverHostKey
          : orderedKeys(offer.algorithms.serverHostKey as string[], hostKeys.knownTypes),
      } as ConnectConfig["algorithms"],
      tryKeyboard: true,
      // ssh2 refuses a server's request for the agent until one was forwarded. None is to a server
      // whose key is in doubt.
      ...(this.#agent === undefined ? {} : { agent: this.#agent }),
      keepaliveInterval: aliveSeconds * 1000,
      keepaliveCountMax: aliveCount,
      // A person may take long to answer.
      readyTimeout: 0,
    } as ConnectConfig;
  }
}

let clients = 0;

/** The same, for one client: a jump host may ask what the next host asks again. */
function ownAsker(asker: Asker | undefined): Asker | undefined {
  const client = ++clients;
  return asker && { ask: (prompt) => asker.ask(prompt, client) };
}

/** Listens at once: how a short command ended may come together with the word that it runs. */
function sessionOf(channel: ClientChannel): Session {
  let ending: Ending | undefined;
  channel.on("exit", (status: number | null, signal?: string) => {
    ending = status === null ? { signal } : { status };
  });
  return { channel, ending: () => ending };
}

/** Makes `destroy` close a channel at once. ssh2 would wait for the server, which may be dead. */
function endingAtOnce(channel: ClientChannel): ClientChannel {
  const destroy = channel.destroy.bind(channel);
  channel.destroy = () => {
    destroy();
    queueMicrotask(() => channel.emit("close"));
    return channel;
  };
  return channel;
}

/**
 * Does work while ssh2 does not listen to the stream yet.
 *
 * @throws the failure, if the other end has closed the stream meanwhile: ssh2 would wait for it
 */
async function beforeEnd<T>(stream: Duplex, failure: Error, work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const events = ["end", "error", "close"] as const;
  const ended = (): void => reject(failure);
  for (const event of events) stream.once(event, ended);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    for (const event of events) stream.off(event, ended);
  }
}

/** A server is asked first for a key of a type that is known. */
function orderedKeys(names: readonly string[], known: readonly string[]): string[] {
  const isKnown = (name: string): boolean =>
    known.includes(name.startsWith("rsa-sha2-") ? "ssh-rsa" : name);
  return [...names.filter(isKnown), ...names.filter((name) => !isKnown(name))];
}

/** A file that cannot be written stays as it is: the connection does not depend on it. */
function learn(hostKeys: HostKeyCheck, keys: readonly ParsedKey[]): void {
  try {
    hostKeys.update(keys.map((key) => key.getPublicSSH()));
  } catch {
    // The file is read-only.
  }
}
