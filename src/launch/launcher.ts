/**
 * Launcher: starts a child that speaks the protocol, and joins it to the router. It is all that a
 * session knows of processes. Types only; implemented by pipe-launcher.ts for children whose bytes
 * come through a pipe, and by hop-launcher.ts for those that a hop starts.
 */
import type { EcontextError, ProtocolError } from "../errors.ts";
import type { ReplayLink } from "../mux/replay-link.ts";
import type { Ending, SlaveProcess, SpawnOptions } from "./child.ts";

/** What is written to a child first, and what the child must print before its first frame. */
export interface BootPlan {
  /** The context that the child will be. */
  readonly id: number;
  /** Part of the marker: new for each launch. */
  readonly nonce: string;
  /** In parts: the cores are parts of their own, which are the same for many children. */
  readonly preamble: readonly Uint8Array[];
  /** Remembers what is sent to the child, in order to send it to another. */
  readonly replay: ReplayLink | undefined;
}

export interface LaunchPlan extends BootPlan, SpawnOptions {
  readonly argv: readonly string[];
  /**
   * A line that the child prints, without its newline. Until it has come, only answers are written:
   * a program that asks for a password would take any other bytes for one.
   */
  readonly hold?: string | undefined;
}

export interface LaunchListener {
  /** Text of the child's error output, as it comes; before the marker only. */
  said?(text: string): void;
  /** The line of `hold` has come. */
  held?(): void;
  /**
   * Nothing comes from the child any more; called once.
   *
   * @param error the reason, if this end closed the connection
   */
  closed(error: EcontextError | undefined): void;
}

/** A child that the router has a route to. The route stays until the session removes it. */
export interface Launched {
  readonly argv: readonly string[];
  /** Bytes for the child that wait to be written. */
  readonly queuedBytes: number;
  /** The line that the child prints before its first frame. */
  readonly marker: string;
  /** Whether the line of `hold` has not come yet: the child may ask, and only answers reach it. */
  readonly isHeld: boolean;
  /** Whether the marker has come. From then on the child sends frames. */
  readonly isMarked: boolean;
  /** The last 32 KiB of what the child printed before its marker, on its standard output. */
  readonly noise: string;
  /** The last 32 KiB of the child's error output. */
  readonly stderr: string;
  /** Why waiting for the marker was given up, if that was not the child's end. */
  readonly failure: ProtocolError | undefined;
  /**
   * Writes an answer to a question of the child's, ahead of all that is held back. Drops it if the
   * child is not held. Takes the bytes over, and overwrites them in the end.
   */
  answer(bytes: Uint8Array): void;
  /** Resolves when more may be queued for the child, and when it is closed. */
  ready(): Promise<void>;
  /** Ends the child. Idempotent; the listener is told. */
  close(reason?: EcontextError): void;
  /** As of `ByteChild`. */
  readonly ended: Promise<Ending>;
  readonly gone: Promise<void>;
  adopt(slave: SlaveProcess): void;
  /**
   * Begins anew with the same child, which now runs another first stage. This object and its
   * listener are not told of the child any more.
   */
  relaunch(plan: BootPlan, listener: LaunchListener): Launched;
}

export interface Launcher {
  /** Starts a child. Frames may be sent at once: they follow the preamble. */
  launch(plan: LaunchPlan, listener: LaunchListener): Launched;
}
