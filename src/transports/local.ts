/** `local`: an interpreter on this machine, as this user. */
import type { Transport } from "./transport.ts";

export const local: Transport = {
  scheme: "local",
  destination: "local",
  label: "local",
  hasNetwork: false,
  isClient: false,
  sharesDisk: true,
  asks: false,
  wrap: (argv) => [...argv],
  explain: () => undefined,
};
