/**
 * Why a program that leads to a context failed. Each cause has a code, words for the message, and
 * what the user can try. `{noun}`, `{destination}` and `{scheme}` are replaced.
 */
interface CauseText {
  readonly code: string;
  readonly what: string;
  readonly hint: string;
}

export const CAUSES = {
  "unknown-user": {
    code: "ERR_TRANSPORT_UNKNOWN_USER",
    what: "no such user",
    hint: "check the name: getent passwd NAME, on the machine where {scheme} runs",
  },
  "not-found": {
    code: "ERR_TRANSPORT_NOT_FOUND",
    what: "no such {noun}",
    hint: "check the name, on the machine where {scheme} runs",
  },
  stopped: {
    code: "ERR_TRANSPORT_STOPPED",
    what: "the {noun} is not running",
    hint: "start it first",
  },
  unreachable: {
    code: "ERR_TRANSPORT_UNREACHABLE",
    what: "the service behind {scheme} does not answer",
    hint: "check that it runs, and that this account may use it",
  },
  "permission-denied": {
    code: "ERR_TRANSPORT_PERMISSION_DENIED",
    what: "permission denied",
    hint: "take the way of a user who may: sudo:root/{scheme}…",
  },
  "not-allowed": {
    code: "ERR_TRANSPORT_NOT_ALLOWED",
    what: "this account may not use {scheme}",
    hint: "let an administrator give it a rule",
  },
  "command-not-allowed": {
    code: "ERR_TRANSPORT_COMMAND_NOT_ALLOWED",
    what: "the rules of {scheme} do not allow this command",
    hint: "let an administrator allow the command that econtext bootstrap PATH shows",
  },
  "password-needed": {
    code: "ERR_TRANSPORT_PASSWORD_NEEDED",
    what: "a password is needed",
    hint: "give one with --ask-pass; a key (ssh) or a rule without a password (sudo, doas) needs none",
  },
  "password-wrong": {
    code: "ERR_TRANSPORT_PASSWORD_WRONG",
    what: "wrong password",
    hint: "check whose password {scheme} wants",
  },
  "password-exhausted": {
    code: "ERR_TRANSPORT_PASSWORD_EXHAUSTED",
    what: "the password was wrong each time",
    hint: "check whose password {scheme} wants, and that the account is not locked",
  },
  "passphrase-wrong": {
    code: "ERR_TRANSPORT_PASSWORD_WRONG",
    what: "wrong passphrase",
    hint: "try it here: ssh-keygen -y -f FILE asks for it, too",
  },
  "passphrase-exhausted": {
    code: "ERR_TRANSPORT_PASSWORD_EXHAUSTED",
    what: "the passphrase was wrong each time",
    hint: "try it here: ssh-keygen -y -f FILE asks for it, too",
  },
  "password-expired": {
    code: "ERR_TRANSPORT_PASSWORD_EXPIRED",
    what: "the password has expired",
    hint: "log in by hand once, and change it",
  },
  "account-expired": {
    code: "ERR_TRANSPORT_ACCOUNT_EXPIRED",
    what: "the account has expired",
    hint: "let an administrator extend it: chage -E -1 NAME",
  },
  "account-locked": {
    code: "ERR_TRANSPORT_ACCOUNT_LOCKED",
    what: "the account is locked or has expired",
    hint: "let an administrator look at it: passwd -S NAME, chage -l NAME, faillock",
  },
  "terminal-needed": {
    code: "ERR_TRANSPORT_TERMINAL_NEEDED",
    what: "{scheme} insists on a terminal",
    hint: "let an administrator remove requiretty for this account",
  },
  "no-new-privileges": {
    code: "ERR_TRANSPORT_NO_NEW_PRIVILEGES",
    what: "no program can gain privileges there",
    hint: "connect as the wanted user directly, or start the container without no_new_privs",
  },
  "no-login-shell": {
    code: "ERR_TRANSPORT_NO_LOGIN_SHELL",
    what: "the account has no login shell",
    hint: "use sudo:USER or runuser:USER, which need none",
  },
  "no-folder": {
    code: "ERR_TRANSPORT_NO_FOLDER",
    what: "no such folder to start in",
    hint: "check the option cwd",
  },
  "no-shell": {
    code: "ERR_TRANSPORT_NO_SHELL",
    what: "there is no sh, which starts the interpreter",
    hint: "use an image that has a shell and an interpreter",
  },
  "no-program": {
    code: "ERR_TRANSPORT_NO_PROGRAM",
    what: "{scheme} is not installed there",
    hint: "install it, or take another way",
  },
  failed: {
    code: "ERR_TRANSPORT_FAILED",
    what: "{scheme} failed",
    hint: "run the argument vector that econtext bootstrap PATH shows",
  },
} as const satisfies Readonly<Record<string, CauseText>>;

export type Cause = keyof typeof CAUSES;
