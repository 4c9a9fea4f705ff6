/**
 * A program: asks a unix socket, prints the answer and ends. No client of `econtext up` can take
 * less time, because the start of the runtime is most of it.
 *
 *     asks-socket PATH
 */
void Bun.connect({
  unix: process.argv[2] as string,
  socket: {
    open: (socket) => void socket.write("?"),
    data: (_socket, bytes) => {
      console.log(new TextDecoder().decode(bytes));
      process.exit(0);
    },
  },
});
