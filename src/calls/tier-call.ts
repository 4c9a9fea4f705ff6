/** TierCall: how parts of econtext call their own second tier in a context. Types only. */
import type { CallLimits } from "./options.ts";

/** Calls `econtext.NAME:function` in one context; the modules that it is in are offered first. */
export type TierCall = (limits: CallLimits, name: string, ...args: unknown[]) => Promise<unknown>;
