/** A context that stays open between commands: what the keeper knows of it, and what it shows. */
import type { Broker } from "../broker/broker.ts";
import type { BrokerOptions } from "../broker/options.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";
import type { SlaveInfo } from "../context/session.ts";
import type { EcontextError } from "../errors.ts";
import type { PathStep } from "../tree/target-path.ts";
import type { Reopening } from "./reopening.ts";

/** How a context is opened. */
export interface Opening {
  readonly options: ConnectOptions;
  readonly settings: BrokerOptions;
  /** Makes the settings for opening it anew, without a person. */
  readonly again: () => Promise<BrokerOptions>;
}

/** As the keeper has it. */
export interface Entry {
  readonly target: string;
  readonly way: readonly PathStep[];
  readonly key: string;
  readonly broker: Broker;
  readonly context: Context;
  /** @returns why the context has ended; undefined: it is open */
  readonly reason: () => EcontextError | undefined;
  readonly slave: SlaveInfo;
  readonly openedAt: number;
  readonly opening: Opening;
  /** Set when it was lost, if the user has named it. */
  reopening: Reopening | undefined;
  /** How many attempts it has taken to open it anew; 0: it was opened once. */
  readonly attempts: number;
  /** Whether the user has named it. The other entries are hops on the way to named ones. */
  isNamed: boolean;
  /** Whether processes that a command leaves behind can be found: then slaves are used again. */
  isTidy: boolean;
  /** The commands that use it: each is told when it closes. */
  readonly users: Set<() => void>;
  served: number;
  /** When the last command ended. */
  usedAt: number | undefined;
  readonly idle: Context[];
}

/** As it is shown. */
export interface KeptContext {
  /** As the user has named it. */
  readonly target: string;
  readonly context: Context;
  readonly slave: SlaveInfo;
  readonly openedAt: number;
  /** Commands that it carries now. */
  readonly commands: number;
  /** Commands that it has carried so far. */
  readonly served: number;
  /** Milliseconds since the last of them ended; 0 while one runs, undefined before the first. */
  readonly idleMs: number | undefined;
  /** Bytes over the connection of this machine; undefined behind a hop. */
  readonly traffic: { readonly sent: number; readonly received: number } | undefined;
  /** The ssh client, as `--ssh` names it: a program, `embedded` or `auto`; undefined: no ssh. */
  readonly ssh: string | undefined;
  /** With `auto`: why the embedded ssh has refused the host; undefined: it has not. */
  readonly sshRefusal: string | undefined;
  /** The path of the context that it is opened through. */
  readonly via: string | undefined;
  /** How many kept contexts it is behind. */
  readonly depth: number;
  /** Why it was lost; undefined while it is open. */
  readonly lost: string | undefined;
  /** Milliseconds until it is opened anew; 0: now; undefined: it is open, or a person is needed. */
  readonly retryMs: number | undefined;
  /** Why the last attempt to open it anew failed. */
  readonly retryError: string | undefined;
}

/** @returns the ssh client that leads to a context, as `--ssh` names it; undefined: no ssh */
export function sshOf(transport: PathStep["transport"] | undefined): string | undefined {
  if (transport?.scheme !== "ssh") return undefined;
  return transport.engine ?? transport.wrap([])[0];
}

/** @returns milliseconds, as of `KeptContext` */
export function idleOf({ users, usedAt }: Entry): number | undefined {
  if (users.size > 0) return 0;
  return usedAt === undefined ? undefined : Math.max(1, Date.now() - usedAt);
}
