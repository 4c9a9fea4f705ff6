/**
 * A program: a TCP proxy on loopback that holds every byte back for a while in each direction, as a
 * long wire would.
 *
 *     bun delay-proxy.ts PORT MS     prints its own port; ends when its stdin does
 *
 * The handshake is played too: the far end is dialled three ways late, when the last packet of a
 * real one would arrive. What it cannot play is what TCP itself does on a long wire (slow start,
 * Nagle): that makes all peers look equally better.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const port = Number(process.argv[2]);
const ms = Number(process.argv[3]);

/** Acts late by `ms`, in the order in which it was asked to. */
function wire(): (act: () => void) => void {
  const due: (() => void)[] = [];
  return (act) => {
    due.push(act);
    setTimeout(() => due.shift()?.(), ms);
  };
}

function carry(from: Socket, to: Promise<Socket>): void {
  const later = wire();
  const act = (on: (socket: Socket) => void) => later(() => void to.then(on));
  from.on("data", (data) => act((socket) => socket.write(data)));
  from.on("end", () => act((socket) => socket.end()));
  from.on("close", () => act((socket) => socket.destroySoon()));
  from.on("error", () => {});
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = new Promise<Socket>((resolve) => {
    setTimeout(() => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      carry(socket, Promise.resolve(near));
      resolve(socket);
    }, ms * 3);
  });
  carry(near, far);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${String((server.address() as AddressInfo).port)}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
