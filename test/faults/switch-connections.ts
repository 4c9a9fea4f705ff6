/** How a switch makes TCP connections, and carries their bytes, whatever language the hop is. */
import { expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import type { Plan } from "../../src/interpreters/plan.ts";
import { type RawChild, RawMaster, SWITCH } from "../helpers/raw-master.ts";
import { soon } from "../helpers/soon.ts";

const MIB = 1 << 20;

/** A server, and the far ends of its connections. */
class Far implements AsyncDisposable {
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(serve: (socket: Socket) => void): Promise<Far> {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      far.sockets.push(socket);
      socket.on("error", () => {});
      serve(socket);
    });
    const far = new Far(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return far;
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function connectionRows(plan: Plan): void {
  const open = (): Promise<RawMaster> => new RawMaster(plan).open();
  const echo = (socket: Socket): void => void socket.pipe(socket);
  const errors = (child: RawChild) => child.event("failed");

  test("a connection carries bytes both ways, and is closed by either end", async () => {
    await using master = await open();
    await using far = await Far.open(echo);
    for (const closesHere of [true, false]) {
      const connection = master.connection("localhost", far.port);
      await connection.child.event("connected");
      const data = crypto.getRandomValues(new Uint8Array(60_000));
      const sent = Buffer.concat(Array.from({ length: 50 }, () => data));
      master.message({ dst: connection.child.id }, [sent]);
      await soon(() => connection.length === sent.length);
      expect(connection.bytes()).toEqual(sent);
      if (closesHere) connection.child.order(SWITCH.CLOSE, null);
      else far.sockets.at(-1)?.destroy();
      expect(await connection.child.event("ended")).toEqual(["ended", null, null]);
      // Twelve frames.
      expect(connection.child.wrote).toBe(sent.length + 12 * 24);
    }
  });

  test("what was sent is written before the connection is closed", async () => {
    await using master = await open();
    const sizes: number[] = [];
    await using far = await Far.open((socket) => {
      let size = 0;
      socket.on("data", ({ length }) => (size += length)).on("end", () => sizes.push(size));
      socket.resume();
    });
    const { child } = master.connection("127.0.0.1", far.port);
    await child.event("connected");
    master.message({ dst: child.id }, [new Uint8Array(3 * MIB)]);
    child.order(SWITCH.CLOSE, null);
    await child.event("ended");
    await soon(() => sizes.length === 1);
    expect(sizes).toEqual([3 * MIB]);
  });

  test("a server that does not read holds up no other, and its connection can be closed", async () => {
    await using master = await open();
    await using far = await Far.open((socket) => {
      if (far.sockets.length > 1) echo(socket);
    });
    const silent = master.connection("127.0.0.1", far.port);
    await silent.child.event("connected");
    master.message({ dst: silent.child.id }, [new Uint8Array(32 * MIB)]);
    const other = master.connection("127.0.0.1", far.port);
    await other.child.event("connected");
    master.message({ dst: other.child.id }, [new Uint8Array(MIB)]);
    await soon(() => other.length === MIB);
    expect(silent.child.wrote).toBeLessThan(16 * MIB);
    expect(await silent.child.close("KILL")).toEqual(["ended", null, null]);
  });

  test("what cannot be connected to has failed, by the system's name", async () => {
    await using master = await open();
    const free = await Far.open(echo);
    const { port } = free;
    await free[Symbol.asyncDispose]();
    const refused = master.connection("127.0.0.1", port).child;
    const unknown = master.connection("no-such-host.invalid", 22).child;
    const wrong = master.connection("127.0.0.1", 70_000).child;
    expect(await errors(refused)).toEqual(["failed", "ECONNREFUSED"]);
    const [, name] = await errors(unknown);
    expect(["ENOTFOUND", "EAI_AGAIN"]).toContain(String(name));
    await errors(wrong);
    await using far = await Far.open(echo);
    const again = master.connection("127.0.0.1", far.port, refused.id).child;
    await again.event("connected");
    const twice = master.connection("127.0.0.1", far.port, refused.id).child;
    await errors(twice);
  });

  test("a connection that is not made yet can be closed", async () => {
    await using master = await open();
    await using far = await Far.open(echo);
    const { child } = master.connection("localhost", far.port);
    child.order(SWITCH.CLOSE, null);
    expect(await child.event("ended")).toEqual(["ended", null, null]);
    await soon(() =>
      far.sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
    );
  });

  test("while the master does not read, servers wait", async () => {
    await using master = await open();
    let written = 0;
    const write = (socket: Socket): void => {
      while (written < 64 * MIB) {
        written += MIB;
        if (!socket.write(new Uint8Array(MIB))) break;
      }
    };
    await using far = await Far.open((socket) => {
      socket.on("drain", () => write(socket)).on("data", () => write(socket));
      socket.resume();
    });
    const connection = master.connection("127.0.0.1", far.port);
    await connection.child.event("connected");
    master.pause();
    master.message({ dst: connection.child.id }, [new Uint8Array(1)]);
    await soon(() => written > 0);
    for (let seen = 0; seen !== written; await Bun.sleep(100)) seen = written;
    expect(written).toBeLessThan(48 * MIB);
    master.resume();
    await soon(() => connection.length === 64 * MIB);
  });
}
