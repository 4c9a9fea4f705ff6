/** A Debian 13 root, with a file system in memory over it, for the tests of one scene. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../helpers/scratch-user.ts";
import { debianRoot } from "../lab/roots.ts";
import type { Scene } from "./scene.ts";

export interface DebianOverlay {
  readonly root: string;
  /** Makes a program of this machine one of the root's. @returns its path there */
  program(path: string, name: string): string;
}

/** Removed at the end of the scene. */
export function debianOverlay(scene: Scene): DebianOverlay {
  const folder = mkdtempSync(join(tmpdir(), "econtext-debian-"));
  run(["mount", "-t", "tmpfs", "tmpfs", folder]);
  const [upper, work, root] = ["upper", "work", "root"].map((name) => join(folder, name));
  for (const one of [upper, work, root]) mkdirSync(one as string);
  const layers = `lowerdir=${debianRoot().path},upperdir=${upper},workdir=${work}`;
  run(["mount", "-t", "overlay", "overlay", "-o", layers, root as string]);
  // Contexts of JavaScript read it.
  run(["mount", "-t", "proc", "proc", join(root as string, "proc")]);
  scene.atEnd(() => {
    run(["umount", join(root as string, "proc")]);
    run(["umount", root as string]);
    run(["umount", folder]);
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(root as string, "etc/sudoers"), "root ALL=(ALL:ALL) ALL\n");
  return {
    root: root as string,
    program: (path, name) => {
      copyFileSync(path, join(root as string, "usr/local/bin", name));
      return `/usr/local/bin/${name}`;
    },
  };
}
