/** The client of an agent, with an agent whose answer is too long. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ParsedKey } from "ssh2";
import { utils } from "ssh2";
import { BoundAgent } from "../../src/embedded-ssh/bound-agent.ts";

const folder = mkdtempSync(join(tmpdir(), "econtext-agent-"));
const path = join(folder, "agent");
const proof = {
  hostKey: Buffer.from("key"),
  sessionId: Buffer.from("session"),
  signature: Buffer.from("signature"),
};
const key = utils.parseKey(utils.generateKeyPairSync("ed25519").private) as ParsedKey;
const restriction = { seconds: 0, isConfirmed: false };
/** Connections of the last agent that have ended. */
let ended: Promise<void>;
let server: Server;

beforeAll(async () => {
  server = createServer((socket: Socket) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    ended = promise;
    socket.on("error", () => {}).on("close", () => resolve());
    socket.once("data", () => socket.write(Buffer.alloc(64, 0x7f)));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const asks: Record<string, () => Promise<unknown>> = {
  "for its keys": () => new BoundAgent(path, () => undefined).list(),
  "to hold a key": () => new BoundAgent(path, () => undefined).add(key, "mine", restriction),
  "to be bound": () => new BoundAgent(path, () => proof).list(),
  "to be bound, for a stream": () => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    new BoundAgent(path, () => proof).getStream((error, stream) =>
      error ? reject(error) : resolve(stream),
    );
    return promise;
  },
};
for (const [what, ask] of Object.entries(asks)) {
  test(`a connection ends if the answer is too long: asked ${what}`, async () => {
    await expect(ask()).rejects.toThrow("the agent says too much");
    await ended;
  }, 5000);
}
