/**
 * t: a fleet by the embedded ssh, beside a plain ssh for each host, and beside the sum of its
 * parts: as many contexts without ssh, and as many connections by the bare package ssh2. Then one
 * behind a bastion, beside `ssh -J`; memory; and one stream, beside the spawned ssh with the same
 * cipher.
 */
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";
import { ourProgram, race, seconds } from "../shell.ts";
import { openNetwork } from "./tree.ts";

const HOSTS = 100;
const BYTES = 500_000_000;
const CIPHER = "aes128-gcm@openssh.com";
const DIRECT = join(import.meta.dirname, "../bin/direct/ssh");
const BARE = join(import.meta.dirname, "../drivers/bare-ssh2.ts");

export async function embedded(lab: Lab): Promise<Row[]> {
  const place = lab.ssh;
  if (!lab.hasSsh || place.kind !== "ssh") return [];
  const program = await ourProgram();
  const { config } = place;
  const python = process.env.BENCH_PYTHON ?? "/usr/bin/python3";
  const exec = (options: string, hosts: number): string =>
    `${program} exec -F ${config} --python ${python} ${options} --fold 'bench[1-${hosts}]' -- uname`;
  const lines = {
    ours: exec("--ssh embedded", HOSTS),
    plain: `for i in $(seq ${HOSTS}); do ssh -F ${config} bench$i uname & done; wait`,
    local: exec(`--ssh ${DIRECT}`, HOSTS),
    bare: `${process.execPath} ${BARE} ${config} ${HOSTS}`,
  };
  const times = await race(lab, lab.quick ? 2 : 5, lines);
  const parts = times.local.map((local, at) => local + (times.bare[at] ?? Number.NaN));
  return [
    {
      group: "t",
      title: `${HOSTS} hosts by the embedded ssh, beside ssh`,
      unit: "s",
      samples: { ours: times.ours, plain: times.plain },
      bounds: [{ versus: "plain", atMost: 0.4, aim: true }],
    },
    {
      group: "t",
      title: "  beside the sum of its parts",
      unit: "s",
      samples: { ours: times.ours, plain: parts },
      bounds: [{ versus: "plain", atMost: 1.25 }],
    },
    ...(await behindBastion(lab, program)),
    await memory(lab, exec),
    ...(await streams(lab, `${program} exec -F ${config} -o Ciphers=${CIPHER} --python ${python}`)),
  ];
}

/** Hosts behind a bastion: by a path, and by `ProxyJump`. */
async function behindBastion(lab: Lab, program: string): Promise<Row[]> {
  await using network = await openNetwork(lab);
  if (network === undefined) return [];
  const config = network.jumpConfigPath;
  const exec = `${program} exec -F ${config} --python /usr/bin/python3 --ssh embedded --fold`;
  const { plain = [], ...ours } = await race(lab, lab.quick ? 1 : 3, {
    path: `${exec} 'bastion/web1-[1-${HOSTS}]' -- uname`,
    jump: `${exec} -o ProxyJump=bastion 'web1-[1-${HOSTS}]' -- uname`,
    plain: `for i in $(seq ${HOSTS}); do ssh -F ${config} -J bastion web1-$i uname & done; wait`,
  });
  return Object.entries({ "by a path": ours.path, "by ProxyJump": ours.jump }).map(
    ([way, samples = []]) => ({
      group: "t",
      title: `${HOSTS} hosts behind a bastion, ${way}, beside ssh -J`,
      unit: "s",
      samples: { ours: samples, plain },
      bounds: [{ versus: "plain", atMost: 0.3 }],
    }),
  );
}

/**
 * Runs a command, and prints its peak in KiB. Linux counts the peak of the process that starts a
 * program as the program's own: that one has to be small.
 */
const PEAK = `import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if status == 0 else "nan")`;

/**
 * What one target more takes in the master when all connect at once: the peak with 300 targets less
 * that with 100, a target. The first hundred pay what comes once: compiled code, and the runtime's
 * first garbage. A peak varies by 5 MB with the moments of collections: over fewer targets, and in
 * one run, this would be noise.
 */
async function memory(lab: Lab, exec: (options: string, hosts: number) => string): Promise<Row> {
  const peak = async (hosts: number): Promise<number> => {
    const command = `exec ${exec(`--ssh embedded -j ${hosts}`, hosts)} >&2`;
    const child = Bun.spawn(["python3", "-c", PEAK, "sh", "-c", command], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return Number(await child.stdout.text()) * 1024;
  };
  const ours: number[] = [];
  for (let round = 0; round < (lab.quick ? 3 : 5); round++) {
    ours.push(((await peak(3 * HOSTS)) - (await peak(HOSTS))) / (2 * HOSTS) / 1e3);
  }
  const bounds = [{ atMost: 250 }];
  return { group: "t", title: "memory of a further target", unit: "KB", samples: { ours }, bounds };
}

async function streams(lab: Lab, exec: string): Promise<Row[]> {
  const file = join(lab.folder(), "zeros");
  await seconds(`head -c ${BYTES} /dev/zero >${file}`);
  const rounds = lab.quick ? 2 : 5;
  const out = await race(lab, rounds, {
    ours: `${exec} --ssh embedded bench1 -- head -c ${BYTES} /dev/zero`,
    plain: `${exec} bench1 -- head -c ${BYTES} /dev/zero`,
  });
  const into = await race(lab, rounds, {
    ours: `${exec} --ssh embedded bench1 -- sh -c 'cat >/dev/null' <${file}`,
    plain: `${exec} bench1 -- sh -c 'cat >/dev/null' <${file}`,
  });
  // Eight tenths of the bytes in a second.
  const bounds = [{ versus: "plain", atMost: 1.25 }] as const;
  const title = `${BYTES / 1e6} MB, beside the spawned ssh`;
  return [
    { group: "t", title: `${title}, out`, unit: "s", samples: out, bounds },
    { group: "t", title: `${title}, in`, unit: "s", samples: into, bounds },
  ];
}
