/**
 * `su:USER`: as another user, with that user's password. Root is asked for none. Without `exec`, a
 * signal would end the shell only.
 */
import type { Failure, TransportData } from "./data.ts";

/** Of su and runuser, which are one program. */
export const NO_USER: Failure = { text: /: user .* does not exist/, cause: "unknown-user" };

export const su: TransportData = {
  scheme: "su",
  destination: { noun: "user", example: "su:root", default: "root" },
  // The shell is named because the account may have none.
  argv: ["su", "{destination}", "-s", "/bin/sh", "-c", 'exec "$0" "$@"', "--", "{command}"],
  password: { prompt: "any", of: "destination" },
  failures: [
    NO_USER,
    { text: /Your account has expired/, cause: "account-expired" },
    { text: /required to change your password|token manipulation/, cause: "password-expired" },
    { text: /account is locked/, cause: "account-locked" },
    { text: /This account is currently not available/, cause: "no-login-shell" },
    {
      text: /su: (Authentication failure|incorrect password)/i,
      cause: "password-wrong",
      hint: "su wants the password of that user; it says the same if it cannot gain privileges",
    },
    { text: /su: .*Permission denied/, cause: "permission-denied" },
    { text: /^su: (?!warning)/m, status: 1, cause: "failed" },
  ],
};
