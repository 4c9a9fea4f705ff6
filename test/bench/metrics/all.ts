/** Every measurement of `npm run bench`, by its letter. */
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";
import { bulk, memory, pipelined, sequential } from "./calls.ts";
import { connectLocal, connectSsh, wire } from "./connect.ts";
import { copies } from "./copies.ts";
import { embedded } from "./embedded.ts";
import { fanOut } from "./fan.ts";
import { firstResults } from "./first.ts";
import { fleets } from "./fleet.ts";
import { imports } from "./imports.ts";
import { javascript } from "./javascript.ts";
import { oneShots } from "./one-shot.ts";
import { packages } from "./packages.ts";
import { streams } from "./streams.ts";
import { behindBastion, furtherHop } from "./tree.ts";
import { scripts } from "./up.ts";

interface Measurement {
  readonly what: string;
  run(lab: Lab): Promise<Row[]>;
}

export const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  a: { what: "connect and first call, local", run: connectLocal },
  b: { what: "connect and first call, ssh", run: connectSsh },
  c: { what: "sequential calls", run: sequential },
  d: { what: "pipelined calls", run: pipelined },
  e: { what: "a 64 MiB argument", run: bulk },
  f: { what: "fan-out", run: fanOut },
  g: { what: "importing a package", run: imports },
  h: { what: "bytes on the wire", run: wire },
  i: { what: "memory", run: memory },
  j: { what: "bun and node", run: javascript },
  k: { what: "round trips of a first result", run: firstResults },
  l: { what: "bytes through a command", run: streams },
  m: { what: "copies of files", run: copies },
  n: { what: "a second run that sends a package", run: packages },
  o: { what: "contexts behind a bastion", run: behindBastion },
  p: { what: "what a further hop costs", run: furtherHop },
  q: { what: "a script of commands, with econtext up", run: scripts },
  r: { what: "the command line on many targets", run: fleets },
  s: { what: "one command and one script, each with its own connection", run: oneShots },
  t: { what: "a fleet by the embedded ssh", run: embedded },
};
