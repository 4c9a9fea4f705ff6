/**
 * `sudo:USER`: as another user. sudo-rs prints other words and puts the prompt in brackets. Without
 * `-i` and `-s`, which damage arguments. Without a terminal it keeps the caller's session.
 */
import type { TransportData } from "./data.ts";

const SUDOERS = "let an administrator add a rule to sudoers; sudo -l lists the rules";

export const sudo = sudoLike("sudo");
export const sudoRs = sudoLike("sudo-rs");

function sudoLike(scheme: string): TransportData {
  return {
    scheme,
    destination: { noun: "user", example: `${scheme}:root`, default: "root" },
    // Without a question, a rule with a password is refused at once.
    argv: [scheme, "-n", "-u", "{destination}", "--", "{command}"],
    password: {
      prompt: "nonce",
      of: "caller",
      argv: [scheme, "-S", "-p", "{prompt}", "-u", "{destination}", "--", "{command}"],
    },
    failures: [
      { text: /^sudo(-rs)?: (unknown user|user '.*' not found)/m, cause: "unknown-user" },
      { text: /no new privileges|must be owned by uid 0 and have/, cause: "no-new-privileges" },
      { text: /you must have a tty to run sudo/, cause: "terminal-needed" },
      { text: /is not in the sudoers file|may not run sudo/, cause: "not-allowed", hint: SUDOERS },
      { text: /is not allowed to execute/, cause: "command-not-allowed" },
      { text: /^sudo-rs: I'm sorry /m, cause: "not-allowed", hint: SUDOERS },
      { text: /ccount or password is expired|PAM error: Authent/, cause: "password-expired" },
      { text: /ccount validation failure|account is locked/, cause: "account-locked" },
      { text: /3 incorrect (password|authentication) att/, cause: "password-exhausted" },
      { text: /\d incorrect (password|authentication) att/, cause: "password-wrong" },
      {
        text: /a password is required|interactive authentication is req|terminal is required/,
        cause: "password-needed",
        hint: "give one with --ask-pass, or add NOPASSWD to the rule; sudo -l lists the rules",
      },
      { text: /^sudo(-rs)?: '?sh'?: command not found/m, cause: "no-shell" },
      { text: /^sudo(-rs)?: /m, status: 1, cause: "failed" },
    ],
  };
}
