/** Questions of programs before their command starts: what is answered, with what, and when not. */
import { expect, test } from "bun:test";
import { Prompter } from "../../src/prompts/prompter.ts";
import type { Question, Source } from "../../src/prompts/question.ts";
import { Secret } from "../../src/prompts/secret.ts";
import type { PasswordRule, Transport } from "../../src/transports/transport.ts";
import { failure, open } from "../helpers/memory-session.ts";
import { soon } from "../helpers/soon.ts";

const PYTHON = { kind: "python" } as const;

function transport(prompt: PasswordRule["prompt"], user?: string): Transport {
  return {
    scheme: "sudo",
    destination: "root",
    label: "sudo:root",
    hasNetwork: false,
    isClient: false,
    sharesDisk: false,
    asks: false,
    password: { prompt, user },
    wrap: (argv, text) => ["sudo", text ?? "-n", ...argv],
    explain: (status, stderr) =>
      stderr.includes("has expired")
        ? { code: "ERR_TRANSPORT_PASSWORD_EXPIRED", message: "expired", hint: "" }
        : status === 1
          ? { code: "ERR_TRANSPORT_PASSWORD_WRONG", message: "wrong", hint: "" }
          : undefined,
  };
}

/** Gives these answers, one after the other. */
function source(isPerson: boolean, ...answers: readonly string[]) {
  const asked: Question[] = [];
  const one: Source = {
    name: "--ask-pass",
    isPerson,
    answersAll: isPerson,
    ask: async (question) => {
      asked.push(question);
      const answer = answers[asked.length - 1];
      return answer === undefined ? undefined : Secret.of(answer);
    },
  };
  return { prompter: new Prompter([one]), asked };
}

function start(rule: PasswordRule["prompt"], prompter: Prompter | undefined, user?: string) {
  const opened = open({ transport: transport(rule, user), interpreter: PYTHON, prompter });
  opened.session.start("python");
  return { ...opened, child: opened.spawner.last };
}

/** The question as sudo asks it. */
function asSudo(prompt: string | undefined, user = "alice"): string {
  return String(prompt).replace("%p", user);
}

test("a question is answered, and the preamble comes after the line", async () => {
  const { prompter, asked } = source(false, "hunter2");
  const { child, session } = start("nonce", prompter);
  const prompt = child.argv[1];
  child.complain(`sudo: unable to resolve host web1\n${asSudo(prompt).slice(0, 9)}`);
  child.complain(asSudo(prompt).slice(9));
  await soon(() => child.secrets.length === 1);
  expect(child.secrets).toEqual(["hunter2\n"]);
  expect(asked).toMatchObject([{ context: "web1", user: "alice", host: "local", isAgain: false }]);
  let isBooted = false;
  void child.boot.then(() => {
    isBooted = true;
  });
  await Bun.sleep(20);
  expect(isBooted).toBe(false);
  child.print("econtext: ready\n");
  await child.answer();
  expect((await session.ready).kind).toBe("python");
});

test("a question of sudo-rs, which keeps the text as it is", async () => {
  const { prompter, asked } = source(false, "hunter2");
  const { child } = start("nonce", prompter);
  child.complain(`[sudo: ${child.argv[1]}] Password: `);
  await soon(() => child.secrets.length === 1);
  expect(asked).toMatchObject([{ user: "" }]);
});

test("a wrong password is not sent again", async () => {
  const { prompter, asked } = source(false, "wrong", "wrong", "wrong");
  const { child, session } = start("nonce", prompter);
  child.complain(asSudo(child.argv[1]));
  await soon(() => child.secrets.length === 1);
  child.complain(`Sorry, try again.\n${asSudo(child.argv[1])}`);
  const error = await failure(session);
  expect(error.code).toBe("ERR_TRANSPORT_PASSWORD_WRONG");
  expect(error.message).toContain("--ask-pass");
  expect([child.secrets, asked.length]).toEqual([["wrong\n"], 1]);
});

test("a person is asked again", async () => {
  const { prompter, asked } = source(true, "wrong", "right");
  const { child } = start("nonce", prompter);
  child.complain(asSudo(child.argv[1]));
  await soon(() => child.secrets.length === 1);
  child.complain(`Sorry, try again.\n${asSudo(child.argv[1])}`);
  await soon(() => child.secrets.length === 2);
  expect(child.secrets).toEqual(["wrong\n", "right\n"]);
  expect(asked.map(({ isAgain }) => isAgain)).toEqual([false, true]);
});

test("a second factor is no wrong password", async () => {
  const { prompter, asked } = source(true, "password", "123456");
  const { child } = start("nonce", prompter);
  child.complain(asSudo(child.argv[1]));
  await soon(() => child.secrets.length === 1);
  child.complain(`\n${asSudo(child.argv[1])}`);
  await soon(() => child.secrets.length === 2);
  expect(asked).toMatchObject([
    { kind: "password", isAgain: false },
    { kind: "other", isAgain: false },
  ]);
});

test("without our text, a line without its end is a question, and the next is another", async () => {
  const { prompter, asked } = source(true, "hunter2", "123456");
  const { child } = start("any", prompter, "root");
  child.complain("su: a warning\nPass");
  child.complain("word: ");
  await soon(() => child.secrets.length === 1);
  child.complain("\nCode: ");
  await soon(() => child.secrets.length === 2);
  expect(child.secrets).toEqual(["hunter2\n", "123456\n"]);
  expect(asked).toMatchObject([
    { kind: "password", user: "root" },
    { kind: "other", prompt: "[sudo at local] Code: " },
  ]);
});

test("no question is answered after the line", async () => {
  const { prompter, asked } = source(false, "hunter2");
  const { child } = start("nonce", prompter);
  child.print("econtext: ready\n");
  await child.boot;
  child.complain(asSudo(child.argv[1]));
  await Bun.sleep(20);
  expect([child.secrets, asked]).toEqual([[], []]);
});

test("without a source, the program is not asked for a question, and the error says what helps", async () => {
  const { child, session } = start("any", undefined);
  expect(child.argv[1]).toBe("-n");
  child.complain("Password: ");
  const error = await failure(session);
  expect(error.code).toBe("ERR_TRANSPORT_PASSWORD_NEEDED");
  expect(error.message).toContain("--ask-pass");
});

test("one password is asked for once for a machine, and a refused one goes to two places", async () => {
  const { prompter, asked } = source(false, "wrong");
  const three = [1, 2, 3].map(() => start("any", prompter));
  for (const { child } of three) child.complain("Password: ");
  const [first, second, third] = three.map(({ child }) => child);
  const count = () => three.reduce((sum, { child }) => sum + child.secrets.length, 0);
  await soon(() => count() === 1);
  await Bun.sleep(20);
  expect([count(), asked.length]).toEqual([1, 1]);
  first?.end({ status: 1 });
  await soon(() => count() === 2);
  second?.end({ status: 1 });
  const last = three[2]?.session;
  expect((await failure(last as NonNullable<typeof last>)).code).toBe(
    "ERR_TRANSPORT_PASSWORD_EXHAUSTED",
  );
  expect(third?.secrets).toEqual([]);
});

test("a program that wants a new password gets no answer", async () => {
  const { prompter, asked } = source(true, "hunter2", "hunter2");
  const { child, session } = start("nonce", prompter);
  child.complain(asSudo(child.argv[1]));
  await soon(() => child.secrets.length === 1);
  // As sudo: the rest of the line of the question, and a question without our text.
  child.complain("sudo: your password has expired\n[sudo] password for %p: ");
  expect((await failure(session)).code).toBe("ERR_TRANSPORT_PASSWORD_EXPIRED");
  expect([child.secrets.length, asked.length]).toEqual([1, 1]);
});

test("sudo-rs asks for the old password with our text", async () => {
  const { prompter } = source(true, "hunter2", "hunter2");
  const { child, session } = start("nonce", prompter);
  child.complain(`[sudo: ${child.argv[1]}`);
  await soon(() => child.secrets.length === 1);
  child.complain("] Password: \n");
  child.complain(`[sudo: ${child.argv[1]}] Current password: `);
  expect((await failure(session)).code).toBe("ERR_TRANSPORT_PASSWORD_EXPIRED");
});

test("what sudo-rs puts behind our text is no question, and what it says of a refusal is one", async () => {
  const { prompter, asked } = source(true, "hunter2", "hunter3");
  const { child, session } = start("nonce", prompter);
  child.complain(`[sudo: ${child.argv[1]}`);
  await soon(() => child.secrets.length === 1);
  child.complain("] Password: ");
  // A line without its end that came later is a question by then.
  const later = start("nonce", source(true, "hunter4").prompter);
  later.child.complain("Password: ");
  await soon(() => later.child.secrets.length === 1);
  expect([child.secrets.length, asked.length]).toEqual([1, 1]);
  child.complain(`\nsudo: Authentication failed, try again.\n[sudo: ${child.argv[1]}] Password: `);
  await soon(() => child.secrets.length === 2);
  expect(asked[1]).toMatchObject({ isAgain: true });
  child.print("econtext: ready\n");
  await child.answer();
  await session.ready;
});
