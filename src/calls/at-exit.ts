/** The last call of a context: it runs the handlers of user code for the interpreter's end. */
import type { Language } from "../interpreters/kind.ts";
import type { ContextLink } from "../mux/context-link.ts";
import { HANDLES } from "../protocol/handles.ts";
import { encodeValue } from "../protocol/value.ts";
import { LANGUAGE_RULES } from "./language-rules.ts";

/** Sends the call. Its result is ignored. */
export function runExitHandlers({ id, router }: ContextLink, language: Language): void {
  const { chunks } = encodeValue(LANGUAGE_RULES[language].atExit);
  const reply = router.expect(id, { receive: () => router.forget(id, reply) });
  router.send({ dst: id, handle: HANDLES.CALL_FUNCTION, reply }, chunks);
}
