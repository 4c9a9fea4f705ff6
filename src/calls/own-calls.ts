/**
 * Calls of econtext's own, for which no caller waits: one before the first large call, one of the
 * exit handlers as the last call, and the end of all calls.
 */
import type { Language } from "../interpreters/kind.ts";
import type { ContextLink } from "../mux/context-link.ts";
import { FLAGS } from "../protocol/frame.ts";
import { HANDLES } from "../protocol/handles.ts";
import { encodeValue } from "../protocol/value.ts";
import { LANGUAGE_RULES } from "./language-rules.ts";

/** From so many bytes on, a call is large. Twin: LARGE in stage1/python/tier2/values/types.py. */
export const LARGE_CALL_BYTES = 4194304;

/** Tells the slave, before its first large call, to put such calls together without copies. */
export function expectLargeCalls({ id, router }: ContextLink, module: string): void {
  const { chunks } = encodeValue([`econtext.${module}:install`, []]);
  router.send({ dst: id, handle: HANDLES.CALL_FUNCTION }, chunks);
}

/**
 * Tells the slave that no call follows: it ends when it has finished those before, after the
 * handlers of user code for the interpreter's end.
 */
export function endInOrder(link: ContextLink, language: Language | undefined): void {
  if (language !== undefined) callLast(link, LANGUAGE_RULES[language].atExit);
  const to = { dst: link.id, handle: HANDLES.CALL_FUNCTION, flags: FLAGS.DEAD };
  link.router.send(to, encodeValue("closed").chunks);
}

/** @param call its result is ignored */
function callLast({ id, router }: ContextLink, call: readonly unknown[]): void {
  const { chunks } = encodeValue(call);
  const reply = router.expect(id, { receive: () => router.forget(id, reply) });
  router.send({ dst: id, handle: HANDLES.CALL_FUNCTION, reply }, chunks);
}
