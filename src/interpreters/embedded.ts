/**
 * The programs that are sent, as constants: minified and compressed when this file is bundled.
 *
 * `bun run` and `bun test` expand the macro too, so what is tested is what is shipped. Knows
 * nothing of command lines: see first-stage.ts. Sources: stage1/.
 */
import { stage1 } from "../../scripts/macros.ts" with { type: "macro" };
import { eachProgram, type SwitchPrograms } from "./switch-programs.ts";

const built = stage1();

/** The first tier of each language, as the first stage inflates it. */
export const PYTHON_CORE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(built.pythonCore);
export const JS_CORE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(built.javascriptCore);

/** The second tier: source texts, by module name without its `econtext.` */
export const PYTHON_TIER2: Readonly<Record<string, string>> = built.pythonTier2;
export const JS_TIER2: Readonly<Record<string, string>> = built.javascriptTier2;

/** By such a name: the modules that are sent along with that one, as its file states them. */
export const PYTHON_DEPENDENCIES: Readonly<Record<string, readonly string[]>> =
  built.pythonDependencies;
/** Of those, the modules without which that one does not load. */
export const PYTHON_AT_ONCE: Readonly<Record<string, readonly string[]>> = built.pythonAtOnce;
export const JS_DEPENDENCIES: Readonly<Record<string, readonly string[]>> =
  built.javascriptDependencies;

/** The programs of a hop's switch, in the order in which they are sent. */
export const PYTHON_SWITCH: SwitchPrograms<Uint8Array> = eachProgram(built.pythonSwitch, (text) =>
  Uint8Array.fromBase64(text),
);
export const JS_SWITCH: SwitchPrograms<Uint8Array> = eachProgram(built.javascriptSwitch, (text) =>
  new TextEncoder().encode(text),
);

/** A program for the worker of a JavaScript slave. It needs a line in front: session/stopped.ts. */
export const JS_STOPPED: string = built.javascriptStopped;

/** One line each, which any login shell takes unchanged between single quotes. */
export const PYTHON_FIRST_STAGE: string = built.pythonFirstStage;
export const JS_FIRST_STAGE: string = built.javascriptFirstStage;
export const NODE_FIRST_STAGE: string = built.nodeFirstStage;
export const BUN_FIRST_STAGE: string = built.bunFirstStage;
export const FIND_PYTHON: string = built.findPython;
export const FIND_JS: string = built.findJavascript;
export const FIND_ANY: string = built.findAny;
export const RUN_PYTHON: string = built.runPython;
export const RUN_JS: string = built.runJavascript;
