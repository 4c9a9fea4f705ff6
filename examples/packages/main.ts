/**
 * A program of several modules: its functions use packages that only this machine has:
 * `econtext examples/packages/main.ts web1`. Shows: packages that are only ES modules (citty), only
 * CommonJS (safer-buffer), chosen by an exports map (fflate), and of some hundred modules
 * (fast-check). All of it goes along with the first call.
 */
import { run } from "econtext";
import { check } from "./check.ts";
import { packed } from "./pack.ts";

run(async (broker) => {
  const far = await broker.connect(process.argv[2] ?? "local");
  console.log(await far.call(packed, "a text that repeats itself, ".repeat(20)));
  console.log(await far.call(check, 100));
});
