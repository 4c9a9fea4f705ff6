/**
 * What `stack` of an error of econtext's holds: what the far side told of where it failed, if
 * anything, then the lines of the user's program that made the call. Never a line of our own.
 */

import { CallError, EcontextError, stacks } from "../errors.ts";
import { type CallSite, userFrames } from "./call-site.ts";
import { tracebackLines } from "./remote-trace.ts";

/** Frames of a stack: ours, which may be many, stand in front of the user's. */
const MAX_FRAMES = 100;

stacks.made = (error) => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = MAX_FRAMES;
  locate(error, new Error());
  Error.stackTraceLimit = stackTraceLimit;
};

/**
 * An error as the caller at `site` gets it: the reason why a context is gone is one for all of its
 * calls, and each is to say where it was made. What is not econtext's own stays as it is.
 */
export function calledFrom(error: unknown, site: CallSite): unknown {
  if (!(error instanceof EcontextError)) return error;
  const copy = Reflect.construct(Error, [error.message], error.constructor) as EcontextError;
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(error));
  locate(copy, site);
  return copy;
}

/** The same promise, except for what it rejects with. */
export function located<T>(promise: Promise<T>, site: CallSite): Promise<T> {
  return promise.catch((error) => {
    throw calledFrom(error, site);
  });
}

/** The same values, except for what it throws. */
export async function* locatedEach<T>(
  values: AsyncGenerator<T, void, undefined>,
  site: CallSite,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* values;
  } catch (error) {
    throw calledFrom(error, site);
  }
}

/** Give an error the stack of a call. It is put together when it is asked for. */
function locate(error: EcontextError, site: CallSite): void {
  Object.defineProperty(error, "stack", {
    get: () => {
      const head = `${error.name}: ${error.message}`;
      return [head, ...remoteStack(error), ...userFrames(site.stack ?? "")].join("\n");
    },
    set: (value: unknown) => {
      Object.defineProperty(error, "stack", { value, configurable: true, writable: true });
    },
    configurable: true,
    enumerable: false,
  });
}

/** A line each. */
function remoteStack(error: EcontextError): string[] {
  if (!(error instanceof CallError)) return [];
  return tracebackLines(error).map((line) => `  ${line}`);
}
