/**
 * A network link between two hosts of the laboratory: a veth pair, or a wire that a test can slow
 * down and disturb (wire.py). Both ends go when one of the two network namespaces does.
 */
import { join } from "node:path";
import { ip, type Pid, startDetached } from "./processes.ts";

export interface End {
  readonly pid: Pid;
  readonly device: string;
  readonly address: string;
}

export interface Link extends Disposable {
  /** No packet comes through any more, and neither end is told. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

export interface Wire extends Link {
  delay(ms: number): Promise<void>;
  lose(percent: number): Promise<void>;
}

export async function connectByVeth(a: End, b: End): Promise<Link> {
  const peer = b.pid === "self" ? "" : `netns ${String(b.pid)}`;
  await ip(a.pid, `link add ${a.device} type veth peer name ${b.device} ${peer}`);
  await Promise.all([raise(a, b), raise(b, a)]);
  return {
    cut: () => ip(a.pid, `link set ${a.device} down`),
    mend: () => ip(a.pid, `link set ${a.device} up`, `route replace ${b.address} dev ${a.device}`),
    [Symbol.dispose]: () => {},
  };
}

/** @param name of a new file, the wire's standard input */
export async function connectByWire(a: End, b: End, name: string): Promise<Wire> {
  const script = join(import.meta.dir, "wire.py");
  const argv = ["/usr/bin/python3", "-IS", script, ...[a, b].flatMap(words)];
  const wire = await startDetached(argv, name);
  await wire.next();
  await Promise.all([raise(a, b), raise(b, a)]);
  const say = async (line: string): Promise<void> => {
    wire.write(line);
    await wire.next();
  };
  return {
    cut: () => say("cut"),
    mend: () => say("mend"),
    delay: (ms) => say(`delay ${String(ms)}`),
    lose: (percent) => say(`loss ${String(percent)}`),
    [Symbol.dispose]: () => wire.end(),
  };
}

function words({ pid, device }: End): string[] {
  return [String(pid), device];
}

function raise(own: End, other: End): Promise<void> {
  return ip(
    own.pid,
    `addr add ${own.address} peer ${other.address} dev ${own.device}`,
    `link set ${own.device} up`,
  );
}
