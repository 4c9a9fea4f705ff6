/** The switch of JavaScript hops: the oldest Node.js and the newest, and Bun. */
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { suite } from "../helpers/skip.ts";
import { switchRows } from "./switch.ts";
import { connectionRows } from "./switch-connections.ts";
import { orderRows } from "./switch-orders.ts";
import { relayRows } from "./switch-relays.ts";
import { secretRows } from "./switch-secrets.ts";
import { earlyRows, endRows, limitRows, startRows } from "./switch-start.ts";

const HOPS = [
  { kind: "node", name: "Node.js 18", ...nodeOf("18") },
  { kind: "node", name: "Node.js 26", ...nodeOf("26") },
  { kind: "bun", name: "Bun", ...bun() },
] as const;

for (const { kind, name, path, missing } of HOPS) {
  const plan = { wants: "javascript", kind, path } as const;
  suite(`switch of ${name}`, missing, kind, () => {
    const pidOf = ["", "() => process.pid"];
    const hop = { plan, hang: [["", "() => { for (;;); }"]], pid: pidOf } as const;
    switchRows(hop);
    startRows(hop);
    earlyRows(hop);
    endRows(hop);
    limitRows(hop);
    orderRows(plan);
    connectionRows(plan);
    relayRows(plan);
    secretRows(hop, { chdir: ["", "(folder) => process.chdir(folder)"] });
  });
}
