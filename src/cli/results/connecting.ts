/**
 * The text of the status line while the only target of a run has not answered: a silent host would
 * leave the screen empty for as long as its deadline. Knows no terminal.
 */
import type { FleetEvent } from "../../fleet/result.ts";
import { oneLine } from "../../index.ts";
import type { Output } from "../host.ts";
import { FleetLine, type LineText } from "../ui/fleet-line.ts";

/** Milliseconds until a run on several targets shows its status line. */
const FLEET_MS = 500;
/** The same while the only target has not answered. */
const CONNECTING_MS = 3000;

/** @param ofSeveral what the line says if there are several targets */
export function openLine(
  stderr: Output,
  targets: readonly string[],
  ofSeveral: LineText,
): FleetLine {
  const [target = "", ...others] = targets;
  return others.length > 0
    ? new FleetLine(stderr, ofSeveral, FLEET_MS)
    : new FleetLine(stderr, new Connecting(target, performance.now()), CONNECTING_MS);
}

class Connecting implements LineText {
  readonly #target: string;
  #since: number;
  #isAgain = false;

  /** @param now on the clock of the caller, in milliseconds */
  constructor(target: string, now: number) {
    this.#target = target;
    this.#since = now;
  }

  event({ type }: FleetEvent, now: number): void {
    if (type !== "retrying") return;
    this.#isAgain = true;
    this.#since = now;
  }

  resumed(now: number): void {
    this.#since = now;
  }

  /** @returns `connecting to web3: 12 s; no answer yet` */
  text(now: number): string {
    const what = `connecting to ${oneLine(this.#target)}${this.#isAgain ? " again" : ""}`;
    return `${what}: ${Math.floor((now - this.#since) / 1000)} s; no answer yet`;
  }
}
