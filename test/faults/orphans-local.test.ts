/** No orphans of far sides on this machine. */
import { suite } from "../helpers/skip.ts";
import { FARS, isMain, orphans } from "./orphans.ts";

for (const [label, far, missing] of FARS) {
  suite(`${label}, local`, missing, "node", () =>
    orphans(() => ({
      name: `${label} local`,
      target: "local",
      connect: {},
      far,
      isMain: isMain(label),
    })),
  );
}
