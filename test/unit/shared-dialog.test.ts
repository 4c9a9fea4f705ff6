/** The dialog of a connection that several commands wait for: what each is asked and told. */
import { expect, test } from "bun:test";
import { SharedDialog } from "../../src/embedded-ssh/shared-dialog.ts";
import { Secret } from "../../src/prompts/secret.ts";

/** @param answer undefined: the question stays open until the command leaves */
function command(shared: SharedDialog, answer?: string) {
  const control = new AbortController();
  const asked: string[] = [];
  let text = "";
  const dialog = {
    asker: {
      ask: async (prompt: string) => {
        asked.push(prompt);
        if (answer !== undefined) return Secret.of(answer);
        const { promise, resolve } = Promise.withResolvers<undefined>();
        control.signal.addEventListener("abort", () => resolve(undefined));
        return promise;
      },
    },
    say: (said: string): void => {
      text += said;
    },
  };
  const place = shared.join(dialog, control.signal);
  return { asked, place, text: () => text, leave: () => control.abort() };
}

const lineOf = async (answer: Promise<Secret | undefined> | undefined) =>
  new TextDecoder().decode((await answer)?.line());

test("the command that has waited longest is asked and told", async () => {
  const shared = new SharedDialog(true);
  const [one, two] = [command(shared, "right"), command(shared, "wrong")];
  shared.say("a banner");
  expect(await lineOf(shared.asker?.ask("password: "))).toBe("right\n");
  expect([one.asked.length, one.text(), two.asked.length, two.text()]).toEqual([
    1,
    "a banner",
    0,
    "",
  ]);
});

test("when it has left, the next is asked and told, also what came before", async () => {
  const shared = new SharedDialog(true);
  const [one, two] = [command(shared), command(shared, "right")];
  shared.say("a banner, ");
  one.leave();
  expect(await lineOf(shared.asker?.ask("password: "))).toBe("right\n");
  shared.say("and more");
  expect([one.asked.length, one.text(), two.text()]).toEqual([
    0,
    "a banner, ",
    "a banner, and more",
  ]);
});

test("a question that is open when it leaves is put to the next", async () => {
  const shared = new SharedDialog(true);
  const [one, two, three] = [command(shared), command(shared), command(shared, "right")];
  const answer = shared.asker?.ask("password: ");
  one.leave();
  two.leave();
  expect(await lineOf(answer)).toBe("right\n");
  expect([one, two, three].map(({ asked }) => asked.length)).toEqual([1, 0, 1]);
});

test("what one that stays does not answer is put to no other", async () => {
  const shared = new SharedDialog(true);
  const asker = { ask: async () => undefined };
  shared.join({ asker, say() {} }, new AbortController().signal);
  const other = command(shared, "right");
  expect(await shared.asker?.ask("Enter passphrase for key 'k': ")).toBeUndefined();
  expect(other.asked).toEqual([]);
});

test("without any command left, nothing is asked", async () => {
  const shared = new SharedDialog(true);
  const one = command(shared);
  const answer = shared.asker?.ask("password: ");
  one.leave();
  one.place.leave();
  expect(await answer).toBeUndefined();
  shared.say("to none");
});

test("each command is told all once, when the connection fails", () => {
  const shared = new SharedDialog(true);
  const [one, two] = [command(shared), command(shared)];
  shared.say("denied");
  for (const { place } of [one, two]) place.catchUp();
  expect([one.text(), two.text()]).toEqual(["denied", "denied"]);
});

test("what ends the command that answers is put to no other", async () => {
  const shared = new SharedDialog(true);
  const control = new AbortController();
  let hasFailed = false;
  const ask = async () => {
    hasFailed = true;
    control.abort();
    return undefined;
  };
  shared.join({ asker: { ask, hasFailed: () => hasFailed }, say() {} }, control.signal);
  const other = command(shared, "right");
  expect(await shared.asker?.ask("password: ")).toBeUndefined();
  expect([other.asked, shared.asker?.hasFailed?.()]).toEqual([[], true]);
});

test("once the connection is open, all hear what comes, and nothing of before", () => {
  const shared = new SharedDialog(true);
  const [one, two, three] = [command(shared), command(shared), command(shared)];
  shared.say("a banner");
  for (const { place } of [one, two, three]) place.settle();
  three.place.leave();
  shared.say("the proxy ends");
  expect([one, two, three].map(({ text }) => text())).toEqual([
    "a bannerthe proxy ends",
    "the proxy ends",
    "",
  ]);
});
