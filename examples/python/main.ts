/**
 * Python functions of a file beside this one, called on a remote machine:
 * `econtext examples/python/main.ts web1`. Shows: a far side that has only Python; its exceptions
 * arrive here.
 */
import { CallError, run } from "econtext";
import * as tasks from "./tasks.py";

run(async (broker) => {
  const far = await broker.connect(process.argv[2] ?? "local");
  console.log(await far.call(tasks.words, "one two two three three three"));
  try {
    await far.call(tasks.share, 3, 0);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    console.log(`${error.type}: ${error.remoteMessage}`);
  }
});
