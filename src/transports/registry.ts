/** All schemes that a path may have without a definition of the user's. */
import { chroot } from "./chroot.ts";
import { doas } from "./doas.ts";
import { docker } from "./docker.ts";
import { incus, lxd } from "./incus.ts";
import { jexec } from "./jexec.ts";
import { kubectl } from "./kubectl.ts";
import { lxc } from "./lxc.ts";
import { nsenter } from "./nsenter.ts";
import { podman } from "./podman.ts";
import { runuser } from "./runuser.ts";
import { su } from "./su.ts";
import { sudo, sudoRs } from "./sudo.ts";
import { machinectl, systemdRun } from "./systemd-run.ts";
import { unshare } from "./unshare.ts";
import type { Schemes } from "./word.ts";

const ALL = [
  ...[sudo, sudoRs, su, runuser, doas],
  ...[podman, docker, kubectl, lxc, lxd, incus, machinectl],
  ...[nsenter, chroot, unshare, systemdRun, jexec],
];

/** `local` and `ssh` are not among them: they are more than data. */
export const SCHEMES: Schemes = new Map(ALL.map((data) => [data.scheme, data]));
