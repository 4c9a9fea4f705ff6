/** What code of the prompt logs while the user types is shown above the line. */
import { formatWithOptions } from "node:util";

const METHODS = ["log", "info", "debug", "warn", "error"] as const;

interface Screen {
  /** Whether an input is being evaluated, so that no line is typed. */
  readonly isBusy: boolean;
  /** Writes whole lines above the line that is being typed. */
  above(text: string): void;
}

/** Redirects the console of this process. @returns what undoes that */
export function consoleAbove(screen: Screen, isColoured: boolean): () => void {
  const { console: own } = globalThis;
  const undo = METHODS.map((name) => {
    const usual = own[name];
    own[name] = (...values: unknown[]): void => {
      if (screen.isBusy) usual.apply(own, values);
      else screen.above(`${textOf(values, isColoured)}\n`);
    };
    return () => {
      own[name] = usual;
    };
  });
  return () => {
    for (const one of undo) one();
  };
}

function textOf(values: readonly unknown[], colors: boolean): string {
  if (typeof values[0] === "string" && values[0].includes("%")) {
    return formatWithOptions({ colors }, ...values);
  }
  return values
    .map((one) => (typeof one === "string" ? one : Bun.inspect(one, { colors })))
    .join(" ");
}
