/**
 * `bare-ssh2.ts CONFIG HOSTS`: connects so many times to the bench's sshd with the package ssh2
 * alone, runs `true` by each connection, and ends.
 */
import { readFileSync } from "node:fs";
import { Client } from "ssh2";

const [path = "", hosts = "0"] = process.argv.slice(2);
const config = readFileSync(path, "utf8");
const port = Number(/^Port (\d+)/m.exec(config)?.[1]);
const privateKey = readFileSync(/^IdentityFile (.*)/m.exec(config)?.[1] ?? "");

function run(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const client = new Client();
  client.on("error", reject).on("ready", () => {
    client.exec("true", (error, channel) => {
      if (error) return reject(error);
      channel.resume().on("close", () => {
        client.end();
        resolve();
      });
    });
  });
  client.connect({ host: "127.0.0.1", port, username: "root", privateKey });
  return promise;
}

await Promise.all(Array.from({ length: Number(hosts) }, run));
process.exit(0);
