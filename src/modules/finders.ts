/** Who finds modules: one finder of each language, shared by all contexts of a broker. Types only. */
import type { JavaScriptFinder } from "./javascript/finder.ts";
import type { PythonFinder } from "./python/finder.ts";

export interface Finders {
  readonly python: PythonFinder;
  readonly javascript: JavaScriptFinder;
}
