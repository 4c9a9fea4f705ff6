#!/usr/bin/env econtext
/**
 * Installs an application from an archive that the remote machine has already:
 * `econtext examples/deploy.ts web1 1.4`. Shows: a function of this very file runs on the remote
 * machine, and what its commands print arrives here, in the log.
 */
import { run } from "econtext";
import { execSync } from "node:child_process";

function installApp(version: string): void {
  execSync(`tar zxvf app-${version}.tar.gz`, { stdio: "inherit" });
}

run(async (broker) => {
  const [target = "local", version = "1.4", folder] = process.argv.slice(2);
  const web = await broker.connect(target);
  // Any function that both sides have can be called as it is.
  if (folder !== undefined) await web.call(process.chdir, folder);
  await web.call(installApp, version);
  console.log(`app ${version} is installed on ${target}`);
});
