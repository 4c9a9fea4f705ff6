/** A gate before a server: a port of this process that leads to the server's, and can be shut. */
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { SshServer } from "./ssh-files.ts";

export class Gate implements Disposable {
  /** The configuration of ssh with the port of the gate. */
  readonly configPath: string;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;

  static async before(server: SshServer): Promise<Gate> {
    const gate = new Gate(server);
    await gate.open();
    const config = readFileSync(server.configPath, "utf8");
    writeFileSync(gate.configPath, config.replace(/^Port .*$/m, `Port ${gate.#port}`));
    return gate;
  }

  private constructor({ port, configPath }: SshServer) {
    this.#target = port;
    this.configPath = `${configPath}-gate`;
    this.#server = this.#make();
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    this.#server = this.#make();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(this.#port, "127.0.0.1", resolve);
    await promise;
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections, and refuses new ones. */
  shut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.shut();
  }

  #make(): Server {
    return createServer((near) => {
      const far = connect(this.#target, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }
}
