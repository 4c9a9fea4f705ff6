/** Prompter: sources in their order, one question for an account, and trials of passwords. */
import { expect, test } from "bun:test";
import { Prompter } from "../../src/prompts/prompter.ts";
import type { Answer, Question, Source } from "../../src/prompts/question.ts";
import { Secret } from "../../src/prompts/secret.ts";
import { commandSource, functionSource } from "../../src/prompts/sources.ts";
import { Trials } from "../../src/prompts/trials.ts";

const SIGNAL = new AbortController().signal;
const QUESTION: Question = {
  context: "web1/sudo:root",
  host: "web1",
  user: "alice",
  prompt: "password: ",
  kind: "password",
  isVisible: false,
  isAgain: false,
};

function source(answers: readonly (string | undefined)[], own: Partial<Source> = {}) {
  const asked: Question[] = [];
  const one: Source = {
    name: "source",
    isPerson: false,
    answersAll: false,
    ask: async (question) => {
      asked.push(question);
      const answer = answers[asked.length - 1];
      return answer === undefined ? undefined : Secret.of(answer);
    },
    ...own,
  };
  return { one, asked };
}

function text(answer: Answer | string): string {
  return typeof answer === "string" ? answer : Buffer.from(answer.secret.line()).toString();
}

async function ask(prompter: Prompter, own: Partial<Question> = {}): Promise<Answer> {
  const answer = await prompter.ask({ ...QUESTION, ...own }, SIGNAL);
  if (typeof answer === "string") throw new Error(answer);
  return answer;
}

test("the first source that knows is taken", async () => {
  const [first, second] = [source([undefined]), source(["b"])];
  const prompter = new Prompter([first.one, second.one]);
  const answer = await ask(prompter);
  expect([text(answer), answer.source]).toEqual(["b\n", second.one]);
  expect(first.asked).toEqual([QUESTION]);
});

test("a password is asked for once for an account of a machine, also at the same time", async () => {
  const { one, asked } = source(["a", "b", "c"]);
  const prompter = new Prompter([one]);
  const both = [ask(prompter), ask(prompter, { context: "other" })];
  (await both[0])?.settle(true);
  expect(await Promise.all(both.map(async (answer) => text(await answer)))).toEqual(["a\n", "a\n"]);
  expect(text(await ask(prompter, { host: "web2" }))).toBe("b\n");
  expect(text(await ask(prompter, { user: "bob" }))).toBe("c\n");
  expect(asked.length).toBe(3);
});

test("an answer that was wrong is forgotten", async () => {
  const { one } = source(["a", "b"]);
  const prompter = new Prompter([one]);
  (await ask(prompter)).settle(false);
  expect(text(await ask(prompter, { isAgain: true }))).toBe("b\n");
});

test("what is no password is asked of those that answer all", async () => {
  const [given, person] = [source(["a"]), source(["yes"], { answersAll: true, isPerson: true })];
  const prompter = new Prompter([given.one, person.one]);
  expect(text(await ask(prompter, { kind: "other", prompt: "yes/no? " }))).toBe("yes\n");
  expect(given.asked).toEqual([]);
  const none = await new Prompter([given.one]).ask({ ...QUESTION, kind: "other" }, SIGNAL);
  expect(none).toBe("none");
});

test("a source of one connection goes first, and what it knows is remembered for all", async () => {
  const { one, asked } = source(["usual"]);
  const prompter = new Prompter([one]);
  const own = prompter.withFunction(({ user }) => `of ${user}`);
  (await ask(own)).settle(true);
  expect(text(await ask(prompter))).toBe("of alice\n");
  expect(asked).toEqual([]);
});

test("a question that is being asked ends with the broker", async () => {
  const waiting: Source = {
    name: "source",
    isPerson: true,
    answersAll: true,
    ask: (_question, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined))),
  };
  const prompter = new Prompter([waiting]);
  const asked = prompter.ask(QUESTION, SIGNAL);
  prompter.stop();
  expect(await asked).toBe("stopped");
  expect(await prompter.ask(QUESTION, SIGNAL)).toBe("stopped");
});

/** A person, as whom the test types. It notes what is still asked. */
function person() {
  const asked: PromiseWithResolvers<Secret | undefined>[] = [];
  const one: Source = {
    name: "person",
    isPerson: true,
    answersAll: true,
    ask: (_question, signal) => {
      const answer = Promise.withResolvers<Secret | undefined>();
      asked.push(answer);
      signal.addEventListener("abort", () => answer.resolve(undefined));
      return answer.promise;
    },
  };
  return { one, asked };
}

for (const kind of ["password", "passphrase"] as const) {
  test(`a ${kind} that several wait for is still asked for when the first gives up`, async () => {
    const { one, asked } = person();
    const prompter = new Prompter([one]);
    const leaving = [new AbortController(), new AbortController()];
    const question = { ...QUESTION, kind };
    const [first, second] = leaving.map(({ signal }) => prompter.ask(question, signal));
    const third = ask(prompter, { kind });
    for (const [at, asker] of [first, second].entries()) {
      leaving[at]?.abort();
      expect(await asker).toBe("none");
    }
    asked[0]?.resolve(Secret.of("a"));
    (await third).settle(true);
    expect(text(await third)).toBe("a\n");
    expect(text(await ask(prompter, { kind }))).toBe("a\n");
    expect(asked.length).toBe(1);
  });
}

test("a question that the last one has left ends, and what asks then is asked for anew", async () => {
  const { one, asked } = person();
  const prompter = new Prompter([one]);
  const leaving = new AbortController();
  const left = prompter.ask(QUESTION, leaving.signal);
  leaving.abort();
  expect(await left).toBe("none");
  expect(await asked[0]?.promise).toBeUndefined();
  const next = ask(prompter);
  asked[1]?.resolve(Secret.of("b"));
  expect(text(await next)).toBe("b\n");
});

test("an answer that comes when all have left is overwritten, at the latest at the end", async () => {
  const answer = Promise.withResolvers<Secret>();
  const prompter = new Prompter([{ ...source([]).one, ask: () => answer.promise }]);
  const leaving = new AbortController();
  const left = prompter.ask(QUESTION, leaving.signal);
  leaving.abort();
  expect(await left).toBe("none");
  const late = Secret.of("late");
  const closed = prompter.close();
  answer.resolve(late);
  await closed;
  expect(late.equals(Secret.of("\0\0\0\0"))).toBe(true);
});

test("a function that throws is named", async () => {
  const failing = functionSource(() => {
    throw new Error("no vault");
  });
  await expect(failing.ask(QUESTION, SIGNAL)).rejects.toMatchObject({
    code: "ERR_USAGE_PASSWORD",
    message: expect.stringMatching(
      /^web1\/sudo:root: the function password threw an error: no vault\n {2}try: see why/,
    ),
  });
});

test("a command is told what is asked for, and its first line is the answer", async () => {
  const command = commandSource('echo "$ECONTEXT_HOST $ECONTEXT_USER"; echo more');
  const secret = await command.ask(QUESTION, SIGNAL);
  expect(Buffer.from(secret?.line() ?? []).toString()).toBe("web1 alice\n");
  expect(await commandSource("true").ask(QUESTION, SIGNAL)).toBeUndefined();
  await expect(commandSource("exit 3").ask(QUESTION, SIGNAL)).rejects.toMatchObject({
    code: "ERR_USAGE_PASSWORD",
    message: expect.stringMatching(
      /password_command "exit 3": the command ended with status 3\n {2}try: run the command/,
    ),
  });
});

test("a function and a command that give no password end in time, or with the question", async () => {
  const never = () => new Promise<undefined>(() => {});
  const slow = [functionSource(never, 20), commandSource("exec sleep 100", "it", 20)];
  for (const source of slow) {
    await expect(source.ask(QUESTION, SIGNAL)).rejects.toMatchObject({
      code: "ERR_USAGE_PASSWORD",
      message: expect.stringContaining("gave no password within 20 ms"),
    });
  }
  const over = new AbortController();
  const asked = functionSource(never).ask(QUESTION, over.signal);
  over.abort();
  expect(await asked).toBeUndefined();
});

test("a new password is tried at one place, and the others follow when it was right", async () => {
  const trials = new Trials();
  const secret = Secret.of("a");
  const first = await trials.begin(secret, "alice", SIGNAL);
  const second = trials.begin(secret, "alice", SIGNAL);
  expect(await Promise.race([second, Bun.sleep(20).then(() => "waits")])).toBe("waits");
  expect(await trials.begin(secret, "bob", SIGNAL)).toBeFunction();
  first?.(true);
  expect(await second).toBeFunction();
  expect(await trials.begin(secret, "alice", SIGNAL)).toBeFunction();
});

test("a place that hangs does not hold the others up", async () => {
  const trials = new Trials(10);
  await trials.begin(Secret.of("a"), "alice", SIGNAL);
  expect(await trials.begin(Secret.of("a"), "alice", SIGNAL)).toBeFunction();
});

test("a password that was refused twice is not sent any more", async () => {
  const trials = new Trials();
  for (let i = 0; i < 2; i++) (await trials.begin(Secret.of("a"), "alice", SIGNAL))?.(false);
  expect(await trials.begin(Secret.of("a"), "alice", SIGNAL)).toBeUndefined();
  expect(await trials.begin(Secret.of("b"), "alice", SIGNAL)).toBeFunction();
});

test("the same name of a machine on another way is another machine", async () => {
  const { one, asked } = source(["a", "b"]);
  const prompter = new Prompter([one]);
  const texts: string[] = [];
  for (const way of ["bastion\0ssh web1", "\0ssh -p 2222 other", "bastion\0ssh web1"]) {
    const answer = await ask(prompter, { host: "127.0.0.1", way });
    answer.settle(true);
    texts.push(text(answer));
  }
  expect(texts).toEqual(["a\n", "b\n", "a\n"]);
  expect(asked.length).toBe(2);
});
