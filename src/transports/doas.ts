/** `doas:USER`: as another user. It asks on a terminal only. */
import type { TransportData } from "./data.ts";

export const doas: TransportData = {
  scheme: "doas",
  destination: { noun: "user", example: "doas:root", default: "root" },
  argv: ["doas", "-n", "-u", "{destination}", "--", "{command}"],
  password: {
    prompt: "terminal",
    of: "caller",
    argv: ["doas", "-u", "{destination}", "--", "{command}"],
  },
  failures: [
    { text: /doas: unknown user/, cause: "unknown-user" },
    { text: /not installed setuid/, cause: "no-new-privileges" },
    {
      text: /doas: Operation not permitted/,
      cause: "not-allowed",
      hint: "let an administrator add a rule to doas.conf for this user and command",
    },
    {
      text: /doas: Authentication required/,
      cause: "password-needed",
      hint: "give one with --ask-pass, or add nopass to the rule in doas.conf",
    },
    { text: /doas: Authentication failed/, cause: "password-wrong" },
    { text: /doas: sh: command not found/, cause: "no-shell" },
    { text: /^doas: /m, status: 1, cause: "failed" },
  ],
};
