/**
 * n: the second run of a program that sends a large package, beside the same code run directly by
 * the same interpreter.
 */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { Row } from "../row.ts";
import { ourProgram, race } from "../shell.ts";

const LOCKED = join(import.meta.dirname, "../packages");
const AT_MOST = 1.5;
/** What each does of what it is for: a package that is only loaded does little. */
const WORK: Readonly<Record<string, string>> = {
  webpack: `import webpack from "webpack";
export const work = () => new Promise((done, fail) => {
  const compiler = webpack({ mode: "production", context: "/", entry: "data:text/javascript,console.log(6*7)", output: { path: "/nowhere" } });
  compiler.outputFileSystem = { mkdir: (_path, then) => then(null), writeFile: (_path, _bytes, then) => then(null), stat: (_path, then) => then(Object.assign(new Error("none"), { code: "ENOENT" })) };
  compiler.run((error, stats) => (error || stats.hasErrors() ? fail(error ?? new Error(stats.toString())) : done(stats.compilation.modules.size)));
});`,
  mongoose: `import mongoose from "mongoose";
export const work = () => new mongoose.Schema({ name: { type: String, required: true } }).requiredPaths();`,
  jsdom: `import { JSDOM } from "jsdom";
export const work = () => new JSDOM("<p class=a>text</p>").window.document.querySelector(".a").textContent;`,
};

export async function packages(lab: Lab): Promise<Row[]> {
  const interpreters = [
    { kind: "node", path: lab.node },
    { kind: "bun", path: process.execPath },
  ] as const;
  // Not in this repository: what lies in it is looked at by its checks.
  const folder = lab.folder();
  const problem = await install(folder);
  if (problem !== undefined) {
    lab.note(`packages: ${problem}`);
    return [];
  }
  const program = await ourProgram();
  const cache = lab.folder();
  const rows: Row[] = [];
  for (const { kind, path } of interpreters) {
    if (path === undefined) {
      lab.note("packages: no Node.js");
      continue;
    }
    for (const [name, code] of Object.entries(WORK)) {
      const module = join(folder, `${name}.mjs`);
      writeFileSync(module, code);
      const main = join(folder, `${name}-direct.mjs`);
      writeFileSync(main, `import { work } from "./${name}.mjs"; console.log(await work());`);
      // Bun keeps what it has transpiled, too.
      const kept = `XDG_CACHE_HOME=${cache}`;
      const samples = await race(lab, lab.quick ? 3 : 10, {
        ours: `${kept} ${program} call --${kind} ${path} local ${module}:work`,
        direct: `${kept} ${path} ${main}`,
      });
      rows.push({
        group: "n",
        title: `second run that sends ${name}, ${kind}`,
        unit: "s",
        samples: { ours: samples.ours, plain: samples.direct },
        bounds: [{ versus: "plain", atMost: AT_MOST }],
      });
    }
  }
  return rows;
}

/** @returns why they are not there */
async function install(folder: string): Promise<string | undefined> {
  for (const name of ["package.json", "package-lock.json"]) {
    copyFileSync(join(LOCKED, name), join(folder, name));
  }
  const child = Bun.spawn(["npm", "ci", "--ignore-scripts", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = await child.stderr.text();
  return (await child.exited) === 0 ? undefined : said.trim();
}
