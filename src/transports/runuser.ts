/** `runuser:USER`: as another user, without a question. Only root may use it. */
import type { TransportData } from "./data.ts";
import { NO_USER } from "./su.ts";

export const runuser: TransportData = {
  scheme: "runuser",
  destination: { noun: "user", example: "runuser:www", default: "root" },
  argv: ["runuser", "-u", "{destination}", "--", "{command}"],
  failures: [
    NO_USER,
    { text: /may not be used by non-root/, cause: "permission-denied" },
    { text: /failed to execute sh: No such file/, cause: "no-shell" },
    { text: /^runuser: (?!warning)/m, status: 1, cause: "failed" },
  ],
};
