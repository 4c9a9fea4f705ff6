/** A session over children in memory, and all that it works with. */
import { DisconnectError, type EcontextError } from "../../src/errors.ts";
import { PipeLauncher } from "../../src/launch/pipe-launcher.ts";
import { LEVELS, type LogRecord } from "../../src/logs/log.ts";
import { LogReceiver } from "../../src/logs/log-receiver.ts";
import { findersIn } from "../../src/modules/finders.ts";
import { Supply } from "../../src/modules/supply.ts";
import { Router } from "../../src/mux/router.ts";
import { HANDLES } from "../../src/protocol/handles.ts";
import { decodeValue, encodeValue } from "../../src/protocol/value.ts";
import { ChildSession } from "../../src/session/session.ts";
import type { SessionSettings } from "../../src/session/settings.ts";
import { local } from "../../src/transports/local.ts";
import { MemorySpawner } from "./memory-child.ts";

export const CLOSED = new DisconnectError("ERR_DISCONNECT_CLOSED", "it was closed");

/** @param room as of `MemoryPipe` */
export function open(own: Partial<SessionSettings> = {}, room = 1, router = new Router(() => {})) {
  const id = router.allocateId();
  const spawner = new MemorySpawner(room);
  const records: LogRecord[] = [];
  const unpacking = { names: [], into: undefined };
  const supply = new Supply(findersIn([], false), { sharesDisk: true, unpacking });
  const logs = new LogReceiver({
    context: "web1",
    level: LEVELS.info,
    onLog: (record) => records.push(record),
    mapStack: (text) => text,
  });
  const settings: SessionSettings = {
    ...{
      id,
      name: "web1",
      place: "web1",
      transport: local,
      interpreter: undefined,
      argv0: "it",
      unpacking,
    },
    level: LEVELS.info,
    connectMs: 60_000,
    isConnectTotal: true,
    leaseMs: 0,
    ...own,
  };
  const launcher = new PipeLauncher(spawner, router);
  const session = new ChildSession(settings, { router, launcher, supply, logs });
  return { session, router, id, spawner, records, launcher };
}

export type Opened = ReturnType<typeof open>;

/** Sends a call. @returns its answer, or why there is none */
export function ask({ router, id }: Opened, name = "f"): Promise<unknown> {
  return new Promise((resolve) => {
    const reply = router.expect(id, {
      receive: ({ body }) => resolve(decodeValue(body)),
      dead: (reason: EcontextError) => resolve(reason.code),
    });
    const { chunks } = encodeValue(name);
    router.send({ dst: id, handle: HANDLES.CALL_FUNCTION, reply }, chunks);
  });
}

export async function failure(session: ChildSession): Promise<EcontextError> {
  return session.ready.then(
    () => {
      throw new Error("it became ready");
    },
    (error: EcontextError) => error,
  );
}

export const body = (value: unknown) =>
  Buffer.concat([...(encodeValue(value).chunks as Uint8Array[])]);
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A session whose slave has answered. */
export async function ready(...how: Parameters<typeof open>): Promise<Opened> {
  const opened = open(...how);
  opened.session.start("python");
  await opened.spawner.last.answer();
  await opened.session.ready;
  return opened;
}
