/**
 * The transports that a laboratory can have, each with the real program: what leads there, what to
 * expect, and what goes wrong. `bea` has a password, `ada` may become anybody without one.
 */

export interface Row {
  readonly name: string;
  readonly host: "web1" | "web2";
  /** Words between the host and the transport. */
  readonly via?: string;
  readonly word: string;
  /** Who runs the slave. */
  readonly user: string;
  /** The machine or container where the slave runs shows this name; default: the host's. */
  readonly isInside?: boolean;
  /** Bun is tried too: a program that other processes stand behind. */
  readonly isWide?: boolean;
  /** The program asks for a password. */
  readonly asks?: boolean;
  /** Ways that fail: words after the host, and the code of the error. */
  readonly faults: readonly (readonly [words: string, code: string])[];
}

/** Defined by the user: as any other. */
export const CONFIGURATION = `
[transports.jail]
argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        ["--root={root}"], "--", "{command}"]

[[transports.jail.failures]]
text = "failed: Operation not permitted"
cause = "permission-denied"

[[transports.jail.failures]]
text = "mount /proc failed"
status = 1
cause = "not-found"

# A context whose PATH has an interpreter and a shell only.
[transports.bare]
argv = ["env", "PATH=/bare", "{command}"]
`;

const NEEDED = "ERR_TRANSPORT_PASSWORD_NEEDED";
const NO_USER = "ERR_TRANSPORT_UNKNOWN_USER";
const NOT_FOUND = "ERR_TRANSPORT_NOT_FOUND";
const DENIED = "ERR_TRANSPORT_PERMISSION_DENIED";
const SPAWN = "ERR_BOOTSTRAP_SPAWN";

/** Words that start on this machine, which need nothing but root; and who runs the slave. */
export const DIRECT: readonly (readonly [word: string, user: string])[] = [
  ["sudo:daemon", "daemon"],
  ["su:daemon", "daemon"],
  ["runuser:daemon", "daemon"],
  ["chroot:%2F?user=daemon", "daemon"],
  ["unshare", "root"],
  ["unshare?ns=pid+mount+ipc", "root"],
  ["jail", "root"],
];

export const ROWS: readonly Row[] = [
  {
    name: "sudo",
    isWide: true,
    host: "web1",
    via: "runuser:ada",
    word: "sudo:bea",
    user: "bea",
    faults: [
      ["runuser:ada/sudo:absent", NO_USER],
      ["runuser:bea/sudo", NEEDED],
      ["bare/sudo", SPAWN],
    ],
  },
  {
    name: "sudo, with a password",
    host: "web1",
    via: "runuser:bea",
    word: "sudo:ada",
    user: "ada",
    asks: true,
    faults: [],
  },
  {
    name: "sudo-rs",
    host: "web2",
    via: "runuser:ada",
    word: "sudo:bea",
    user: "bea",
    faults: [
      ["runuser:ada/sudo-rs:absent", NO_USER],
      ["runuser:bea/sudo-rs", NEEDED],
      ["bare/sudo-rs", SPAWN],
    ],
  },
  {
    name: "sudo-rs, with a password",
    host: "web2",
    via: "runuser:bea",
    word: "sudo-rs:ada",
    user: "ada",
    asks: true,
    faults: [],
  },
  {
    name: "su",
    isWide: true,
    host: "web1",
    word: "su:ada",
    user: "ada",
    faults: [
      ["su:absent", NO_USER],
      ["bare/su", SPAWN],
    ],
  },
  {
    name: "su, with a password",
    host: "web1",
    via: "runuser:ada",
    word: "su:bea",
    user: "bea",
    asks: true,
    faults: [],
  },
  {
    name: "runuser",
    host: "web2",
    word: "runuser:ada",
    user: "ada",
    faults: [
      ["runuser:absent", NO_USER],
      ["runuser:ada/runuser", DENIED],
      ["bare/runuser", SPAWN],
    ],
  },
  {
    name: "doas",
    host: "web1",
    via: "runuser:ada",
    word: "doas",
    user: "root",
    faults: [
      ["runuser:ada/doas:absent", NO_USER],
      ["runuser:bea/doas", NEEDED],
      ["bare/doas", SPAWN],
    ],
  },
  {
    name: "podman",
    isWide: true,
    host: "web1",
    word: "podman:app",
    user: "root",
    isInside: true,
    faults: [
      ["podman:absent", NOT_FOUND],
      ["podman:app?user=absent", NO_USER],
      ["podman:app?cwd=%2Fabsent", "ERR_TRANSPORT_NO_FOLDER"],
      ["bare/podman:app", SPAWN],
    ],
  },
  {
    name: "nsenter, by process",
    host: "web1",
    word: "nsenter:1",
    user: "root",
    faults: [
      ["nsenter:4194303", NOT_FOUND],
      ["runuser:ada/nsenter:1", DENIED],
      ["bare/nsenter:1", "ERR_TRANSPORT_NO_PROGRAM"],
    ],
  },
  {
    name: "nsenter, by container",
    host: "web1",
    word: "nsenter:app",
    user: "root",
    isInside: true,
    faults: [["nsenter:absent", NOT_FOUND]],
  },
  {
    name: "chroot",
    host: "web1",
    word: "chroot:%2F?user=ada",
    user: "ada",
    faults: [
      ["chroot:%2Fabsent", NOT_FOUND],
      ["chroot:%2F?user=absent", NO_USER],
      ["chroot:%2Fvar", "ERR_TRANSPORT_NO_SHELL"],
      ["runuser:ada/chroot:%2F", DENIED],
      ["bare/chroot:%2F", SPAWN],
    ],
  },
  {
    name: "unshare",
    host: "web1",
    word: "unshare",
    user: "root",
    faults: [
      ["unshare?root=%2Fabsent", "ERR_TRANSPORT_NO_FOLDER"],
      ["runuser:ada/unshare", DENIED],
      ["bare/unshare", SPAWN],
    ],
  },
  {
    name: "unshare, with processes of its own",
    host: "web2",
    word: "unshare?ns=pid+mount+net",
    user: "root",
    faults: [],
  },
  {
    name: "a transport of the user's",
    isWide: true,
    host: "web2",
    word: "jail",
    user: "root",
    faults: [
      ["jail?root=%2Fvar", NOT_FOUND],
      ["runuser:ada/jail", DENIED],
      ["bare/jail", SPAWN],
    ],
  },
];
