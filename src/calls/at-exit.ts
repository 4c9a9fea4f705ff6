/** The last call of a context: the handlers that user code has registered for its interpreter's end. A core exits without running them. */
import type { Language } from "../interpreters/kind.ts";
import type { Router } from "../mux/router.ts";
import { HANDLES } from "../protocol/handles.ts";
import { encodeValue } from "../protocol/value.ts";

/** What an interpreter does at its end. */
const AT_EXIT: Readonly<Record<Language, readonly unknown[]>> = {
  python: ["atexit._run_exitfuncs", []],
  javascript: ["process.emit", ["exit", 0]],
};

/** Send the call. Its result is ignored. */
export function runExitHandlers(router: Router, id: number, language: Language): void {
  const { chunks } = encodeValue(AT_EXIT[language]);
  const reply = router.expect(id, {
    receive: () => router.forget(id, reply),
    dead: () => {},
  });
  router.send({ dst: id, handle: HANDLES.CALL_FUNCTION, reply }, chunks);
}
