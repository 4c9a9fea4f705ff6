/**
 * A far side that does not see one of this machine's folders: an empty file system lies over it. In
 * place of `ssh`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeScript } from "./scripts.ts";

/** Why that cannot be done here; undefined when it can. */
export function missingHiding(): string | undefined {
  const { status } = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]);
  return status === 0 ? undefined : "no user namespaces (unshare -rm)";
}

export interface HidingSsh extends AsyncDisposable {
  readonly path: string;
}

export function writeHidingSsh(folder: string): HidingSsh {
  const own = mkdtempSync(join(tmpdir(), "econtext-hiding-"));
  const inner = `mount -t tmpfs none "${folder}" && exec sh -c "$0"`;
  const path = writeScript(
    join(own, "ssh"),
    `for word; do command=$word; done\ncd /\nexec unshare -rm sh -c '${inner}' "$command"`,
  );
  return {
    path,
    [Symbol.asyncDispose]: async () => rmSync(own, { recursive: true, force: true }),
  };
}
