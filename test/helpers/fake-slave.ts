/**
 * A slave in this process, at the far end of a pipe in memory, and the near end that a session
 * would have: stream, router and route. What the slave does with a call is selected by name.
 */
import type { CallSession } from "../../src/calls/call-session.ts";
import type { EcontextError } from "../../src/errors.ts";
import type { Language } from "../../src/interpreters/kind.ts";
import type { ContextLink } from "../../src/mux/context-link.ts";
import { Router } from "../../src/mux/router.ts";
import { Stream } from "../../src/mux/stream.ts";
import { FLAGS, type Message } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { LIMITS, type Limits } from "../../src/protocol/limits.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { MemoryPipe } from "./memory-pipe.ts";

const ID = 1;

/** What it does with a message for `CALL_FUNCTION`, `CANCEL` or `PING`. */
type Behaviour = (slave: FakeSlave, message: Message) => void;

const cancelled = (text: string): Behaviour => {
  return (slave, { handle, body }) => {
    if (handle !== HANDLES.CANCEL) return;
    const [reply] = decodeValue(body) as [number];
    slave.reply(reply, ["econtext.Cancelled", text, ""], FLAGS.ERROR);
  };
};

export const BEHAVIOURS = {
  /** Answers each call with its arguments, and each ping. */
  echo: (slave, { handle, reply, body }) => {
    if (handle === HANDLES.PING) slave.reply(reply, decodeValue(body));
    if (handle !== HANDLES.CALL_FUNCTION || reply === 0) return;
    slave.reply(reply, (decodeValue(body) as unknown[])[1]);
  },
  /** Answers nothing. */
  silent: () => {},
  failing: (slave, { reply }) => slave.reply(reply, ["ValueError", "no", "at far:7"], FLAGS.ERROR),
  "says that the handle is dead": (slave, { reply }) =>
    slave.reply(reply, "no such handle", FLAGS.DEAD),
  "answers with a failure that is not three texts": (slave, { reply }) =>
    slave.reply(reply, 7, FLAGS.ERROR),
  "drops a cancelled call unread": cancelled(""),
  "interrupts a cancelled call": cancelled("at line 7"),
  "answers a cancelled call that had ended": (slave, { handle, body }) => {
    if (handle === HANDLES.CANCEL) slave.reply((decodeValue(body) as [number])[0], "done");
  },
  "says that its connection ends": (slave, { reply }) =>
    slave.reply(reply, ["econtext.Cancelled", "disconnected", ""], FLAGS.ERROR),
} satisfies Record<string, Behaviour>;

export class FakeSlave {
  readonly pipe: MemoryPipe;
  readonly stream: Stream;
  /** All messages for it, in the order in which they came. */
  readonly heard: Message[] = [];
  behaviour: Behaviour;

  constructor(pipe: MemoryPipe, behaviour: Behaviour, limits: Limits) {
    this.pipe = pipe;
    this.behaviour = behaviour;
    const listener = {
      message: (message: Message) => {
        this.heard.push(message);
        this.behaviour(this, message);
      },
      isBehind: (id: number) => id === 0,
      fault: () => {},
      closed: () => {},
    };
    this.stream = new Stream(pipe, listener, limits);
  }

  reply(handle: number, value: unknown, flags = 0): void {
    const envelope = { dst: 0, src: ID, auth: ID, handle, reply: 0, flags };
    this.stream.send(envelope, encodeValue(value).chunks);
  }

  /** The decoded bodies of what came for a handle. */
  heardBy(handle: number): unknown[] {
    return this.heard.filter((one) => one.handle === handle).map(({ body }) => decodeValue(body));
  }
}

export class FakeSession implements CallSession {
  readonly started: string[] = [];
  readonly offered: string[][] = [];
  readonly severed: EcontextError[] = [];
  readonly #known = Promise.withResolvers<void>();
  readonly #stream: Stream;
  #language: Language | undefined;
  #reason: EcontextError | undefined;

  constructor(stream: Stream, language: Language | undefined) {
    this.#stream = stream;
    this.#language = language;
  }

  /** It is known now what the slave is. */
  become(language: Language): void {
    this.#language = language;
    this.#known.resolve();
  }

  end(reason: EcontextError): void {
    this.#reason = reason;
    this.#known.resolve();
  }

  start(wants: string): void {
    this.started.push(wants);
  }
  language = () => this.#language;
  reason = () => this.#reason;
  queuedBytes = () => this.#stream.queuedBytes(ID);
  settled = () => this.#known.promise;
  async writable(): Promise<void> {
    await this.#stream.ready(ID);
  }
  offer(_modules: readonly string[], needs: readonly string[]): void {
    this.offered.push([...needs]);
  }
  sever(reason: EcontextError): void {
    this.severed.push(reason);
  }
}

export interface Near {
  readonly slave: FakeSlave;
  readonly session: FakeSession;
  readonly router: Router;
  readonly link: ContextLink;
  readonly stream: Stream;
  /** What the stream writes to. */
  readonly pipe: MemoryPipe;
  /** Messages that the router dropped. */
  readonly problems: string[];
  /** What ended the stream at the near end. */
  readonly faults: EcontextError[];
}

export interface NearOptions {
  /** Chunks that the pipe holds before its writer has to wait. */
  readonly room: number;
  readonly behaviour?: keyof typeof BEHAVIOURS;
  readonly language?: Language | undefined;
  readonly limits?: Partial<Limits>;
}

export function openNear(options: NearOptions): Near {
  const { room, behaviour = "echo", limits } = options;
  const language = "language" in options ? options.language : "python";
  const [near, far] = MemoryPipe.pair(room);
  const problems: string[] = [];
  const faults: EcontextError[] = [];
  const bounds = { ...LIMITS, maxFrameBytes: 1024, ...limits };
  const router = new Router((_id, problem) => problems.push(problem), bounds);
  router.allocateId();
  const stream: Stream = new Stream(
    near,
    {
      message: (message) => router.deliver(stream, message),
      isBehind: (id) => router.isBehind(stream, id),
      fault: (id, error) => router.fault(id, error),
      closed: () => {},
    },
    bounds,
  );
  const close = (reason: EcontextError) => {
    faults.push(reason);
    router.remove(ID, reason);
    stream.close(reason);
  };
  router.addRoute(ID, { link: stream, parent: 0, close });
  const link = {
    id: ID,
    name: "web1",
    router,
    mapStack: (text: string) => text.replace("at far", "at near"),
  };
  const session = new FakeSession(stream, language);
  const slave = new FakeSlave(far, BEHAVIOURS[behaviour], bounds);
  return { slave, session, router, link, stream, pipe: near, problems, faults };
}

/** Resolves when the condition holds; fails after very many turns of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("it never came to that");
}
