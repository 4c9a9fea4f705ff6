/**
 * Passwords behind a hop of each language, for real: the program that asks runs there, and the
 * question and its answer pass through the hop.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, nodeOf } from "../helpers/javascripts.ts";
import { missingRoot, type ScratchUser } from "../helpers/scratch-user.ts";
import { suite } from "../helpers/skip.ts";
import { debianRoot } from "../lab/roots.ts";
import { missingTmux } from "../repl/tmux.ts";
import { debianOverlay } from "./debian-overlay.ts";
import { Scene } from "./scene.ts";

setDefaultTimeout(180_000);

const HOPS = [
  { kind: "python", path: "/usr/bin/python3", missing: undefined },
  { kind: "node", ...nodeOf("26") },
  { kind: "bun", ...bun() },
] as const;
type Kind = (typeof HOPS)[number]["kind"];

const missing = missingRoot() ?? missingTmux;
const missingPrograms = ["sudo", "doas", "script"].find((name) => Bun.which(name) === null);

/** Names targets `as-KIND`: the account, by an interpreter of that kind. */
function nameHops(scene: Scene, path: string, interpreters: ReadonlyMap<Kind, string>) {
  const home = mkdtempSync(join(tmpdir(), "econtext-config-"));
  scene.atEnd(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "econtext"));
  const tables = [...interpreters].map(
    ([kind, program]) => `[targets.as-${kind}]\npath = "${path}"\n${kind} = "${program}"\n`,
  );
  writeFileSync(join(home, "econtext/econtext.toml"), tables.join("\n"));
  return { XDG_CONFIG_HOME: home };
}

const lacking = missingPrograms && `no ${missingPrograms} here`;

suite("behind a hop", missing ?? lacking, "root", () => {
  const scene = new Scene();
  const [from, to] = [scene.user(), scene.user()];
  const DOAS = "/etc/doas.conf";
  const doas = existsSync(DOAS) ? readFileSync(DOAS) : undefined;
  appendFileSync(DOAS, `\npermit ${from.name}\n`, { mode: 0o600 });
  scene.atEnd(() => (doas === undefined ? rmSync(DOAS) : writeFileSync(DOAS, doas)));
  writeFileSync(`/etc/sudoers.d/${from.name}`, `${from.name} ALL=(ALL) ALL\n`, { mode: 0o440 });
  scene.atEnd(() => rmSync(`/etc/sudoers.d/${from.name}`));
  afterAll(() => scene.end());
  const env = nameHops(
    scene,
    `runuser:${from.name}`,
    new Map(HOPS.map(({ kind, path }) => [kind, path])),
  );
  const words: readonly (readonly [word: string, whose: ScratchUser, account: string])[] = [
    ["sudo:root", from, "root"],
    [`su:${to.name}`, to, to.name],
    ["doas:root", from, "root"],
  ];

  for (const { kind, missing: why } of HOPS) {
    suite(kind, why, kind, () => {
      for (const [word, { password }, account] of words) {
        const [program = ""] = word.split(":");
        test(`${program}: right, wrong, and on a terminal`, async () => {
          const target = `as-${kind}/${word}`;
          const right = await scene.who(target, { env, input: password });
          expect(right).toMatchObject({ said: `I am ${account}` });
          const wrong = await scene.who(target, { env, input: "wrong" });
          expect(wrong).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
          const shown = await scene.whoOnTerminal(target, undefined, [password], [], env);
          expect(shown).toMatch(new RegExp(`password.*:\\n${account}\\nLEFT 0\\nSANE`));
        });
      }
    });
  }
});

suite("sudo-rs behind a hop", missing ?? debianRoot().missing, "root", () => {
  const scene = new Scene();
  const overlay = debianOverlay(scene);
  const account = scene.user(overlay.root);
  const sudoers = join(overlay.root, "etc/sudoers");
  chmodSync(sudoers, 0o640);
  writeFileSync(sudoers, `${account.name} ALL=(ALL:ALL) ALL\n`, { flag: "a" });
  chmodSync(sudoers, 0o440);
  afterAll(() => scene.end());
  const path = `chroot:${encodeURIComponent(overlay.root)}/runuser:${account.name}`;
  // Node.js needs a library that this root does not have.
  const interpreters = new Map<Kind, string>([
    ["python", "/usr/bin/python3"],
    ["bun", overlay.program(bun().path, "bun")],
  ]);
  const env = nameHops(scene, path, interpreters);

  for (const kind of interpreters.keys()) {
    test(kind, async () => {
      const target = `as-${kind}/sudo-rs:root`;
      const right = await scene.who(target, { env, input: account.password });
      expect(right).toMatchObject({ said: "I am root" });
      const wrong = await scene.who(target, { env, input: "wrong" });
      expect(wrong).toMatchObject({ said: "ERR_TRANSPORT_PASSWORD_WRONG" });
    });
  }
});
