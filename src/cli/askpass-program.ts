/**
 * econtext as the program that ssh asks (SSH_ASKPASS): gives the question to the process that
 * started ssh, and prints the answer. Twin: src/prompts/askpass.ts, which explains the names.
 */
import { writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { forbidCoreDumps } from "../io/libc.ts";
import { ASKPASS_SOCKET, type AskpassRequest } from "../prompts/askpass-request.ts";

/** @param path the link that ssh has started. @returns the exit status: 1 if there is no answer */
export async function runAskpass(path: string, prompt: string): Promise<number> {
  const request: AskpassRequest = {
    door: basename(path),
    prompt,
    client: process.ppid,
    isNotice: process.env["SSH_ASKPASS_PROMPT"] === "none",
  };
  forbidCoreDumps();
  const ended = Promise.withResolvers<void>();
  let isAnswered = false;
  try {
    await Bun.connect({
      unix: join(dirname(path), ASKPASS_SOCKET),
      socket: {
        open: (socket) => void socket.write(`${JSON.stringify(request)}\n`),
        data: (_socket, bytes) => {
          // The first byte says that there is an answer.
          const answer = isAnswered ? bytes : bytes.subarray(1);
          isAnswered = true;
          writeSync(1, answer);
          answer.fill(0);
        },
        close: () => ended.resolve(),
        error: () => ended.resolve(),
      },
    });
  } catch {
    return 1;
  }
  await ended.promise;
  return isAnswered ? 0 : 1;
}
