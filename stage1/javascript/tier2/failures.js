/**
 * econtext.failures: what the master is told of a value that was thrown.
 *
 * Second tier: comes with the first modules, or when a call fails. User code may throw anything,
 * and a property of it may throw in its turn. Twin: failures.py.
 */
const MAX_CAUSES = 99;

/** An error's stack, and those of its causes. A stack may be empty: then the error as a string. */
const stacksOf = (error) => {
  const stacks = [];
  const all = [error];
  for (const cause of all)
    if (cause && stacks.length < MAX_CAUSES) {
      stacks.push(cause.stack || String(cause));
      all.push(cause.cause, ...(cause instanceof AggregateError ? cause.errors : []));
    }
  return stacks.join("\ncaused by: ");
};

/** @returns the type, the message and the stack, as an ERROR reply has them */
exports.describe = (error) => {
  try {
    const own = error instanceof Object && error.name !== "Error" && error.name;
    const type = own || error?.constructor?.name || typeof error;
    return [type, error?.message ?? error, stacksOf(error)].map((text) =>
      String(text).replace(/\p{Cs}/gu, "\ufffd"),
    );
  } catch {
    return ["Error", "", ""];
  }
};
