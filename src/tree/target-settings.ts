/** What a user has set for a target, in `econtext.toml` or in a program. Types only. */
import type { KindOptions } from "../interpreters/kind.ts";
import type { SshEngine } from "../transports/transport.ts";

export interface TargetSettings extends KindOptions {
  /** The path that the word stands for: `bastion/web1`. `{name}` is the word itself. */
  readonly path?: string;
  /** The transport that the word is a destination of: with `podman`, `app` is `podman:app`. */
  readonly transport?: string;
  /** Options of the transport: `{ user: "www" }`. ssh has `user` too. */
  readonly options?: Readonly<Record<string, string>>;
  /** Variables of the environment of commands. Those of a command itself take precedence. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of ssh, before the user's own: `["-p", "2222"]`. */
  readonly sshOptions?: readonly string[];
  /**
   * How the master speaks ssh, where no option says it; as of `SshOptions`. `ssh`: by the program,
   * also where the settings of a set say something else.
   */
  readonly sshEngine?: SshEngine | "ssh";
  /** What is wrong with the settings. It is thrown where a path uses them. */
  readonly problem?: Error;
}
