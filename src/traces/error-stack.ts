/**
 * The `stack` of econtext's own errors: the remote traceback, if there is one, then the lines of
 * the user's program that made the call. It holds no line of econtext itself.
 */
import { CallError, EcontextError, stacks } from "../errors.ts";
import { type CallSite, placedFrame, userFrames } from "./call-site.ts";
import { tracebackLines } from "./remote-trace.ts";

/** The number of frames to capture: many of econtext may stand in front of the user's. */
const MAX_FRAMES = 100;

stacks.made = (error) => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = MAX_FRAMES;
  locate(error, new Error());
  Error.stackTraceLimit = stackTraceLimit;
};

/**
 * A copy of an error with the stack of the call at `site`. All calls of a lost context share one
 * error, and each has to name its own place. An error of another program is returned as it is.
 */
export function calledFrom(error: unknown, site: CallSite): unknown {
  if (!(error instanceof EcontextError)) return error;
  const copy = Reflect.construct(Error, [error.message], error.constructor) as EcontextError;
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(error));
  locate(copy, site);
  return copy;
}

/** The same promise, but it rejects with the stack of the call at `site`. */
export function located<T>(promise: Promise<T>, site: CallSite): Promise<T> {
  return promise.catch((error) => {
    throw calledFrom(error, site);
  });
}

/** The same values, but errors have the stack of the call at `site`. */
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

/** Gives an error the stack of a call. The text is made when `stack` is read. */
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

/** The lines of the remote traceback, indented. */
function remoteStack(error: EcontextError): string[] {
  if (!(error instanceof CallError)) return [];
  return tracebackLines(error).map((line) => `  ${placedFrame(line)}`);
}
