/** Python of a context, as the prompt evaluates it: econtext.prompt of stage1. */
import { type AnyFunction, registerFunction } from "../functions/registry.ts";
import { type Context, UsageError } from "../index.ts";

const evaluate = pythonOwn("evaluate");
const complete = pythonOwn("complete");

/**
 * @param isWhole no more lines follow
 * @returns what its expressions print; undefined if more lines may complete the source
 */
export async function runPython(
  context: Context,
  source: string,
  isWhole: boolean,
): Promise<string | undefined> {
  const printed = await context.call(evaluate, source as never, isWhole as never);
  return typeof printed === "string" ? printed : undefined;
}

/** @returns names that begin so; none if the context does not answer in time */
export async function pythonNames(
  context: Context,
  typed: string,
  deadline: number,
): Promise<string[]> {
  try {
    return (await context.callWith({ deadline }, complete, typed as never)) as string[];
  } catch {
    return []; // a press of a key shows no error
  }
}

function pythonOwn(path: string): AnyFunction {
  const stub = (): never => {
    throw new UsageError("ERR_USAGE_FUNCTION", `${path} runs in a context`);
  };
  registerFunction(stub, { language: "python", module: "econtext.prompt", path });
  return stub;
}
