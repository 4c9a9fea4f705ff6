/**
 * o: contexts behind a bastion, in a laboratory of hosts in namespaces (test/lab). p: what a
 * further hop costs.
 */
import { missingLab, Lab as Network } from "../../lab/lab.ts";
import type { Driver, PathPlace, Place, Runtime } from "../driver.ts";
import type { Lab, PeerName } from "../lab.ts";
import { quantile, type Row } from "../row.ts";
import { interleave, SUSTAINED, warmUp } from "../sample.ts";
import { throughJavascript, throughSsh } from "./hop-bytes.ts";

/** Each way. */
const DELAY_MS = 50;

/** @returns undefined, with a note, where there can be no laboratory */
export async function openNetwork(lab: Lab): Promise<Network | undefined> {
  const missing = missingLab();
  if (missing === undefined) return Network.open({ machines: ["web1"] });
  lab.note(`the tree is not measured: ${missing}`);
  return undefined;
}

export async function behindBastion(lab: Lab): Promise<Row[]> {
  await using network = await openNetwork(lab);
  if (network === undefined) return [];
  const n = lab.quick ? 20 : 100;
  const place = (path: string): PathPlace => ({
    kind: "path",
    config: network.jumpConfigPath,
    path,
  });
  const fan = async (names: readonly PeerName[], to: PathPlace, rounds: number) =>
    lab.withPeers(names, async (peers) => {
      await warmUp(peers, (peer) => peer.ask("fan", { to, n: 1 }));
      return interleave(lab, peers, rounds, async (peer) => [
        await peer.number("fan", { to, n }, "ms"),
      ]);
    });
  const rounds = lab.quick ? 1 : 3;
  const row = { group: "o", unit: "ms" };
  const ssh = await fan(["ours", "plain", "mitogen"], place("bastion/web1-#"), rounds);
  const local = await fan(["ours", "mitogen"], place("bastion/local"), rounds);

  return [
    {
      ...row,
      title: `${String(n)} hosts behind a bastion`,
      samples: ssh,
      bounds: [
        { versus: "plain", atMost: 0.6 },
        { versus: "mitogen", atMost: 0.6 },
      ],
    },
    {
      ...row,
      title: `${String(n)} local contexts behind it`,
      samples: local,
      bounds: [{ versus: "mitogen", atMost: 0.25 }],
    },
    await connections(lab, network, place("bastion/web1-#"), n),
    ...(await firstLink(lab, network, place("bastion/local"))),
  ];
}

/** Logins that the bastion's sshd has seen. */
async function logins(network: Network): Promise<number> {
  const counted = network.host("bastion").run(["grep", "-c", "Accepted", "/var/log/sshd.log"]);
  return counted.then(Number, () => 0);
}

async function connections(lab: Lab, network: Network, to: PathPlace, n: number): Promise<Row> {
  const before = await logins(network);
  await lab.withPeers(["ours"], ([ours]) => ours?.ask("fan", { to, n }) ?? Promise.resolve({}));
  const ours = [(await logins(network)) - before];
  const title = `logins to the bastion for ${String(n)} hosts`;
  return { group: "o", unit: "", title, samples: { ours }, bounds: [{ atMost: 1 }] };
}

/** What one more context adds to the bytes on the first link: no core, no module. */
async function firstLink(lab: Lab, network: Network, to: PathPlace): Promise<Row[]> {
  const more = 20;
  const bytesOf = async (ours: Driver, n: number, module?: string): Promise<number> => {
    const before = network.sentBytes();
    await ours.ask("fan", { to, n, ...(module === undefined ? {} : { module }) });
    return network.sentBytes() - before;
  };
  const perContext = (module?: string) =>
    lab.withPeers(["ours"], async (peers) =>
      interleave(lab, peers, lab.quick ? 1 : 3, async (ours) => {
        const one = await bytesOf(ours, 1, module);
        return [((await bytesOf(ours, 1 + more, module)) - one) / more];
      }),
    );
  const row = { group: "o", unit: "B", bounds: [{ atMost: 4000 }] };
  return [
    { ...row, title: "one more context, first link", samples: await perContext() },
    { ...row, title: "… that imports 30 modules", samples: await perContext("benchpkg.seen") },
  ];
}

export async function furtherHop(lab: Lab): Promise<Row[]> {
  return [
    ...(await depth(lab)),
    ...(await roundTrips(lab)),
    ...(await throughJavascript(lab, runtimesOf(lab))),
    ...(await secondLanguage(lab)),
  ];
}

/** Calls and bytes through two hops, in times of one hop. */
async function depth(lab: Lab): Promise<Row[]> {
  await using network = await openNetwork(lab);
  if (network === undefined) return [];
  const to = (path: string): PathPlace => ({ kind: "path", config: network.configPath, path });
  const [one, two] = [to("bastion"), to("bastion/web1")];
  const measure = async (sample: (peer: Driver) => Promise<number>): Promise<number[]> => {
    const ratios: number[] = [];
    for (let round = 0; round < (lab.quick ? 2 : 5); round++) {
      const found = { one: Number.NaN, two: Number.NaN };
      for (const [name, place] of [
        ["one", one],
        ["two", two],
      ] as const) {
        await lab.withPeers(["ours"], async ([peer]) => {
          if (peer === undefined) return;
          await peer.ask("open", { to: place });
          await sample(peer);
          found[name] = await sample(peer);
        });
      }
      ratios.push(found.two / found.one);
    }
    return ratios;
  };
  const sequential = await measure(async (peer) =>
    quantile((await peer.ask("calls", { n: 500 }))["us"] as number[], 0.5),
  );
  const pipelined = await measure((peer) =>
    peer.number("pipelined", { n: SUSTAINED / (lab.quick ? 10 : 1), window: 1000 }, "perSecond"),
  );
  const row = { group: "p", unit: "×" };
  return [
    {
      ...row,
      title: "a call, two hops over one",
      samples: { ours: sequential },
      bounds: [{ atMost: 2.2 }],
    },
    {
      ...row,
      title: "pipelined, two hops over one",
      samples: { ours: pipelined },
      bounds: [{ atLeast: 0.5 }],
    },
    ...(await throughSsh(lab, network)),
  ];
}

/**
 * Connect and first call through a delaying proxy, less the same without delay. The least of some
 * times, because whatever else the machine does only adds to them.
 */
async function roundTrips(lab: Lab): Promise<Row[]> {
  if (!lab.hasSsh) return [];
  const places = [lab.ssh, await lab.away(DELAY_MS)] as { config: string }[];
  const paths = ["bench1", "bench1/local", "bench1/local/local"];
  const times = await lab.withPeers(["ours"], async ([peer]) => {
    const least = places.map(() => paths.map(() => Number.POSITIVE_INFINITY));
    for (let round = 0; round < (lab.quick ? 4 : 8); round++) {
      for (const [i, { config }] of places.entries()) {
        for (const [j, path] of paths.entries()) {
          const to: PathPlace = { kind: "path", config, path };
          const ms = (await peer?.number("connect", { to }, "ms")) ?? Number.NaN;
          const row = least[i] as number[];
          row[j] = Math.min(row[j] ?? ms, ms);
        }
      }
    }
    return least;
  });
  const [fast = [], slow = []] = times;
  const trips = paths.map((_, i) => ((slow[i] ?? 0) - (fast[i] ?? 0)) / (2 * DELAY_MS));
  const row = { group: "p", unit: "RTT" };
  return [
    { ...row, title: "connect + call, one hop", samples: { ours: [trips[0] ?? 0] } },
    ...[1, 2].map((i) => ({
      ...row,
      title: i === 1 ? "… a second hop adds" : "… a third hop adds",
      samples: { ours: [(trips[i] ?? 0) - (trips[i - 1] ?? 0)] },
      bounds: [{ atMost: 1.25 }],
    })),
  ];
}

/**
 * What a second language costs, less one round trip, in times of a connect of that kind. The floor
 * beside it ("plain") has what it costs that such an interpreter starts the other one, without us.
 */
async function secondLanguage(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const kind of runtimesOf(lab)) {
    for (const runs of [kind, "python"] as const) {
      const samples = await besideOther({ ...lab.local, runs }, kind, lab);
      const [first, second] = runs === kind ? ["python", kind] : [kind, "python"];
      const title = `${second} beside ${first} over local`;
      const floor = quantile(samples.plain, 0.5);
      const bounds = [{ atMost: Math.max(1.2, 1.1 * floor) }];
      rows.push({ group: "p", unit: "×", title, samples, bounds });
    }
  }
  return rows;
}

async function besideOther(to: Place, kind: Runtime, lab: Lab) {
  const samples = { ours: [] as number[], plain: [] as number[] };
  await lab.withPeers(["ours", "plain"], async ([ours, plain]) => {
    if (ours === undefined || plain === undefined) return;
    const rounds = lab.quick ? 7 : 21;
    for (let round = 0; round <= rounds; round++) {
      const local = await ours.number("connect", { to }, "ms");
      const { ms, tripMs } = await ours.ask("second", { to, module: kind });
      const added = await plain.number("second", { to, module: kind }, "ms");
      // Files come from the disk, and code is compiled: the first round is not measured.
      if (round === 0) continue;
      samples.ours.push(((ms as number) - (tripMs as number)) / local);
      samples.plain.push((local + added) / local);
    }
  });
  return samples;
}

/** The interpreters of JavaScript that this machine has. */
function runtimesOf({ node }: Lab): readonly ("node" | "bun")[] {
  return node === undefined ? ["bun"] : ["node", "bun"];
}
