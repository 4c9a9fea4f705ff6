/** `local`: an interpreter on this machine, as this user. */
import type { Transport } from "./transport.ts";

export const local: Transport = {
  scheme: "local",
  destination: "local",
  remote: false,
  asks: false,
  wrap: (argv) => [...argv],
  explain: () => undefined,
};
