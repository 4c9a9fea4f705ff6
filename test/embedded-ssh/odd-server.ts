/** Servers of the package ssh2, which do what no real server can be told to do. */
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type AuthContext, type Connection, Server } from "ssh2";

/**
 * Runs a server as long as the work goes on.
 *
 * @param key the file of its host key
 */
export async function withServer(
  key: string,
  serve: (client: Connection) => void,
  work: (port: number) => Promise<void>,
  banner?: string,
): Promise<void> {
  const clients = new Set<Connection>();
  const options = { hostKeys: [readFileSync(key)], ...(banner === undefined ? {} : { banner }) };
  const server = new Server(options, (client) => {
    clients.add(client);
    client.on("error", () => {});
    serve(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    for (const client of clients) client.end();
    server.close();
  }
}

/** The same of a server that does not speak ssh. */
export async function withListener(
  serve: (socket: Socket) => void,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

export function letIn(client: Connection): void {
  client.on("authentication", (context: AuthContext) => context.accept());
}

export function socketOf(client: Connection): Socket {
  return (client as unknown as { _sock: Socket })._sock;
}

/** @param code of SSH_MSG_DISCONNECT; 11 is an end in good order */
export function disconnect(client: Connection, code: number): void {
  const { _protocol } = client as unknown as { _protocol: { disconnect(code: number): void } };
  _protocol.disconnect(code);
}
