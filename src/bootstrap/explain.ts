/** Why a child did not become a context: from how it ended to an error that says what to try. */
import { BootstrapError, type BootstrapReport } from "../errors.ts";
import { neutralise } from "../text.ts";
import type { Transport } from "../transport/transport.ts";
import type { Child, Ending } from "./child.ts";
import { CUT_SHORT, NO_INTERPRETER, type Plan, TOO_OLD, tried } from "./first-stage.ts";
import type { Handshake } from "./handshake.ts";

export interface Circumstances {
  readonly name: string;
  readonly transport: Transport;
  readonly plan: Plan;
  readonly child: Child;
  readonly handshake: Handshake;
  readonly ending: Ending;
}

export function explainBootstrap(c: Circumstances): BootstrapError {
  const { ending, child, transport } = c;
  const said = neutralise(
    [c.handshake.noise.trim(), child.stderr.trim()].filter(Boolean).join("\n"),
  );
  const status = ending.status ?? ending.signal;
  const make = (code: string, phase: string, what: string, hint: string): BootstrapError => {
    const report: BootstrapReport = { argv: child.argv, phase, status, said };
    const heard =
      said === "" ? "" : `\n  it said: ${said.split("\n").slice(-8).join("\n           ")}`;
    return new BootstrapError(code, `${c.name}: ${what}${heard}\n  try: ${hint}`, report, {
      cause: ending.spawnError ?? c.handshake.failure,
    });
  };
  if (ending.spawnError !== undefined) {
    return make(
      "ERR_BOOTSTRAP_SPAWN",
      "starting the program",
      `cannot run ${child.argv[0]}: ${ending.spawnError.message}`,
      "check that it is installed and on PATH",
    );
  }
  if (c.handshake.failure !== undefined) {
    return make(
      "ERR_BOOTSTRAP_NOISE",
      "waiting for the marker",
      c.handshake.failure.message,
      "make the login shell's profile print less when it is not interactive",
    );
  }
  const explanation = transport.explain(ending.status, child.stderr);
  if (explanation !== undefined) {
    return make(
      explanation.code,
      `connecting with ${transport.scheme}`,
      explanation.message,
      explanation.hint,
    );
  }
  const wanted = tried(c.plan).join(", ");
  switch (ending.status) {
    case NO_INTERPRETER:
    case 126:
    case 127:
      return make(
        "ERR_BOOTSTRAP_NO_INTERPRETER",
        "finding an interpreter",
        `no interpreter found (tried ${wanted})`,
        "install Python 3, or name one with --python PATH",
      );
    case TOO_OLD:
      return make(
        "ERR_BOOTSTRAP_TOO_OLD",
        "starting the interpreter",
        `the interpreter is too old (tried ${wanted}; Python 2.7 or 3.6 and later will do)`,
        "name a newer one with --python PATH",
      );
    case CUT_SHORT:
      return make(
        "ERR_BOOTSTRAP_CUT",
        "sending the core",
        "the connection ended before the core had arrived",
        "try again; if it stays so, something between reads standard input",
      );
  }
  return make(
    "ERR_BOOTSTRAP_FAILED",
    "waiting for the marker",
    ending.status === undefined && ending.signal === undefined
      ? "the connection was closed before it was ready"
      : `ended with ${ending.signal ?? `status ${ending.status}`} before it was ready`,
    "econtext bootstrap TARGET --print shows what was run",
  );
}
