/**
 * A slave beside another: the second of a context, for the language that the first does not speak.
 * The first starts it as a child on the same host, so no connection is made for it.
 */
import type { EcontextError } from "../errors.ts";
import { LACKS_INTERPRETER, type Language, lackingLanguage } from "../interpreters/kind.ts";
import type { Hop } from "../launch/hop.ts";
import { local } from "../transports/local.ts";
import type { Transport } from "../transports/transport.ts";
import type { SessionSettings } from "./settings.ts";

/** What the slaves of one context have in common. */
export type SlaveSettings = Omit<SessionSettings, "id" | "lender">;

/**
 * @param first settings of the first slave
 * @param hop the first slave, as one that carries others
 * @param isInstead the host has no interpreter for the first slave: the second is started as it was
 * @returns settings of the second slave
 */
export function settingsBeside(
  first: SlaveSettings,
  hop: Hop,
  language: Language,
  isInstead: boolean,
): SlaveSettings {
  const { name, transport } = first;
  // The host is open: its name alone says where the second slave is.
  const beside = {
    via: hop,
    place: name,
    transport: localAt(transport),
  };
  return {
    ...first,
    ...(isInstead ? {} : beside),
    interpreter: undefined,
    reworded: (reason: EcontextError) =>
      LACKS_INTERPRETER.includes(reason.code)
        ? lackingLanguage(name, language, reason, isInstead ? first.place : name)
        : reason,
  };
}

/** @returns the transport to another process of the host that a transport leads to */
export function localAt({ sharesDisk }: Transport): Transport {
  return { ...local, sharesDisk };
}
