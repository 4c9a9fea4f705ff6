/** The switch of Python hops: the oldest versions, which fork, and the newest, which does not. */
import { pythonOf } from "../helpers/pythons.ts";
import { suite } from "../helpers/skip.ts";
import { switchRows } from "./switch.ts";
import { relayRows } from "./switch-relays.ts";

for (const version of ["2.7", "3.6", "3.13"] as const) {
  const { python, missing } = pythonOf(version);
  const plan = { wants: "python", kind: "python", path: python?.path ?? "" } as const;
  suite(`relays of a Python ${version}`, missing, "python", () => relayRows(plan));
  suite(`switch of a Python ${version}`, missing, "python", () =>
    switchRows({ plan, hang: ["time.sleep", 1000], pid: "os.getpid" }),
  );
}
