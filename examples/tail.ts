/**
 * Follows a remote file for some seconds: `econtext examples/tail.ts web1 /var/log/syslog 10`.
 * Shows: a function that gets its own context, works until it is told to end, and logs meanwhile; a
 * deadline that is no failure.
 */
import { run, TimeoutError } from "econtext";
import { open } from "node:fs/promises";

async function follow({ signal }: { readonly signal: AbortSignal }, path: string): Promise<void> {
  const file = await open(path);
  const chunk = new Uint8Array(65536);
  try {
    while (!signal.aborted) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead > 0) process.stdout.write(chunk.subarray(0, bytesRead));
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await file.close();
  }
}

run(async (broker) => {
  const [target = "local", path = "/etc/hostname", seconds = "2"] = process.argv.slice(2);
  const far = await broker.connect(target);
  try {
    await far.callWith({ withContext: true, deadline: Number(seconds) * 1000 }, follow, path);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
