/** The lines of a remote traceback that are printed. */

/** The text before the message in a JavaScript stack: `TypeError: `, `SystemError [CODE]: `. */
const STACK_HEAD = /^[\w$.]+(?: \[\w+\])?(?:: |(?=\n|$))/;

interface RemoteTrace {
  readonly traceback: string;
  readonly remoteMessage: string;
}

/** The lines of a remote traceback that say more than the error's message. */
export function tracebackLines({ traceback, remoteMessage }: RemoteTrace): string[] {
  const lines = traceback.trimEnd();
  const head = STACK_HEAD.exec(lines)?.[0];
  const isHead = head !== undefined && lines.startsWith(head + remoteMessage);
  const rest = isHead ? lines.slice(head.length + remoteMessage.length) : lines;
  if (isHead && (rest === "" || rest.startsWith("\n"))) return rest.split("\n").slice(1);
  return lines.includes("\n") ? lines.split("\n") : [];
}
