/**
 * A fleet of machines that do not exist: real contexts and sessions, and slaves in this process.
 * How long a machine takes to answer and to work, and how it fails, is drawn from a distribution by
 * a seeded generator. Times are real.
 */
import { Context } from "../../src/context/context.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { FleetEvent, FleetOptions, FleetResult } from "../../src/fleet/result.ts";
import type { OpenContext } from "../../src/fleet/target-run.ts";
import { Router } from "../../src/mux/router.ts";
import { FLAGS } from "../../src/protocol/frame.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { encodeValue } from "../../src/protocol/value.ts";
import { local } from "../../src/transports/local.ts";
import { ssh } from "../../src/transports/ssh.ts";
import type { MemoryChild } from "./memory-child.ts";
import { open as openSession } from "./memory-session.ts";
import { type Dice, makeDice } from "./random.ts";

/** What machines do. Times are medians of log-normal distributions, in milliseconds. */
export interface Nature {
  readonly connectMs: number;
  readonly workMs: number;
  /** The standard deviation of the logarithm of both times. */
  readonly spread: number;
  /** Shares of the machines, each from 0 to 1. */
  readonly shares: {
    /**
     * Its sshd is busy: it closes a connection with a probability of one half, and three at most.
     */
    readonly busy: number;
    /** It never answers. */
    readonly blackHole: number;
    /** ssh knows another key for it. */
    readonly wrongKey: number;
    /** The work takes twenty times as long. */
    readonly straggling: number;
  };
}

export const NATURE: Nature = {
  connectMs: 80,
  workMs: 100,
  spread: 0.6,
  shares: { busy: 0.03, blackHole: 0.001, wrongKey: 0.002, straggling: 0.005 },
};

const STRAGGLING = 20;
const MOST_REFUSED = 3;

type Machine = "good" | keyof Nature["shares"];

/** What became of a run. */
export interface Summary {
  readonly results: readonly FleetResult<unknown>[];
  /** The most targets that were connecting or running at the same time. */
  readonly most: number;
  readonly retried: number;
  /** Milliseconds until half, 99 % and all of the targets had ended. */
  readonly half: number;
  readonly most99: number;
  readonly all: number;
}

/** Runs a call on `count` machines. The same seed draws the same machines and times. */
export async function simulate(
  count: number,
  seed: number,
  nature: Nature,
  options: FleetOptions,
): Promise<Summary> {
  const machines = new Machines(seed, nature);
  const names = Array.from({ length: count }, (_, at) => `host${at + 1}`);
  let [active, most, retried] = [0, 0, 0];
  const onEvent = ({ type }: FleetEvent): void => {
    if (type === "connecting") most = Math.max(most, ++active);
    if (type === "done" || type === "failed") active--;
    if (type === "retrying") retried++;
  };
  const began = performance.now();
  const ends: number[] = [];
  const results: FleetResult<unknown>[] = [];
  const fleet = new Fleet(machines.open, names, { ...options, onEvent });
  for await (const result of fleet.call("work.done")) {
    ends.push(performance.now() - began);
    results[result.index] = result;
  }
  const endOf = (share: number): number => ends[Math.ceil(share * count) - 1] ?? 0;
  return { results, most, retried, half: endOf(0.5), most99: endOf(0.99), all: endOf(1) };
}

class Machines {
  readonly #dice: Dice;
  readonly #nature: Nature;
  readonly #router = new Router(() => {});
  readonly #machines = new Map<string, Machine>();
  /** How many connections each busy machine has closed. */
  readonly #refused = new Map<string, number>();

  constructor(seed: number, nature: Nature) {
    this.#dice = makeDice(seed);
    this.#nature = nature;
  }

  readonly open: OpenContext = async (target, { deadline = 60_000 }, limits) => {
    const { connectMs, workMs } = this.#nature;
    const machine = this.#machines.get(target) ?? this.#drawMachine();
    this.#machines.set(target, machine);
    // The child reads the first stage's argument vector, which ssh would send as one line.
    const transport = { ...local, explain: ssh(target).explain };
    const settings = { name: target, place: target, transport, connectMs: deadline };
    const { session, router, id, spawner } = openSession(settings, 64, this.#router);
    const times = [this.#draw(connectMs), this.#draw(workMs)] as const;
    const refused = this.#refused.get(target) ?? 0;
    const isRefused = machine === "busy" && refused < MOST_REFUSED && this.#dice() < 0.5;
    if (isRefused) this.#refused.set(target, refused + 1);
    const work = times[1] * (machine === "straggling" ? STRAGGLING : 1);
    spawner.onSpawn = (child) =>
      void behave(child, isRefused ? "refused" : machine, times[0], work);
    const own = { id, name: target, graceMs: 2_000, callDefaults: limits };
    return new Context(own, router, session);
  };

  #drawMachine(): Machine {
    let chance = this.#dice();
    for (const [name, share] of Object.entries(this.#nature.shares)) {
      chance -= share;
      if (chance < 0) return name as Machine;
    }
    return "good";
  }

  /** A log-normal time, of two even numbers (Box and Muller). */
  #draw(median: number): number {
    const [one, other] = [1 - this.#dice(), this.#dice()];
    const normal = Math.sqrt(-2 * Math.log(one)) * Math.cos(2 * Math.PI * other);
    return median * Math.exp(this.#nature.spread * normal);
  }
}

async function behave(
  child: MemoryChild,
  machine: Machine | "refused",
  connectMs: number,
  workMs: number,
): Promise<void> {
  if (machine === "blackHole") return;
  await Bun.sleep(connectMs);
  if (machine === "refused") {
    child.complain("kex_exchange_identification: Connection closed by remote host\n");
    return child.end({ status: 255 });
  }
  if (machine === "wrongKey") {
    child.complain("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n");
    return child.end({ status: 255 });
  }
  await child.answer();
  for (let done = 0; ; done++) {
    const message = (await child.received(done + 1))[done];
    if (message?.handle !== HANDLES.CALL_FUNCTION) continue;
    if (message.flags & FLAGS.DEAD) return child.end({ status: 0 });
    if (done === 0) await Bun.sleep(workMs);
    child.send({ handle: message.reply }, Buffer.concat(encoded("done")));
  }
}

function encoded(value: unknown): Uint8Array[] {
  return [...(encodeValue(value).chunks as Uint8Array[])];
}
