/** The Bun that runs the tests, over a pipe. */
import { bun } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { ALL_ROWS } from "./extent.ts";
import { javascriptKind } from "./javascript.ts";
import { opener } from "./session.ts";
import { conformance } from "./suite.ts";

const { path, missing } = bun();
const kind = javascriptKind("bun", process.versions.bun);
const connect = opener("local", kind, () => ({ kind: "bun", bun: path }));
suite(`bun ${kind.version}, local`, missing, "bun", () => conformance(connect, kind, ALL_ROWS));
