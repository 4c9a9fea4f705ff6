/**
 * The next lines of a remote file: `econtext examples/follow.ts web1 /var/log/syslog 10`.
 * Shows: a generator that runs there and is iterated here; leaving the loop ends it there. Behind
 * it, the same by a channel.
 */
import { Channel, run, type Sender } from "econtext";
import { open } from "node:fs/promises";

async function* lines(path: string): AsyncGenerator<string> {
  const file = await open(path);
  const chunk = new Uint8Array(65536);
  let rest = "";
  try {
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      const parts = (rest + new TextDecoder().decode(chunk.subarray(0, bytesRead))).split("\n");
      rest = parts.pop() ?? "";
      yield* parts;
    }
  } finally {
    await file.close();
  }
}

/** Runs until the receiver is closed. */
async function forward(path: string, sender: Sender<string>): Promise<void> {
  for await (const line of lines(path)) {
    if (sender.closed) break;
    await sender.send(line);
  }
}

run(async (broker) => {
  const [target = "local", path = "/etc/passwd", count = "3"] = process.argv.slice(2);
  const far = await broker.connect(target);
  let seen = 0;
  for await (const line of far.call(lines, path)) {
    console.log(line);
    if (++seen === Number(count)) break;
  }
  const { sender, receiver } = new Channel<string>();
  far.call(forward, path, sender).catch(() => {});
  console.log(`again, by a channel: ${await receiver.receive({ deadline: 10_000 })}`);
  receiver.close();
});
