/** What ssh asks: whose password it is, and what must not be answered with one. */
import { expect, test } from "bun:test";
import type { Question } from "../../src/prompts/question.ts";
import { shownPrompt } from "../../src/prompts/terminal.ts";
import type { Questions } from "../../src/session/questions.ts";
import { readQuestion, SshQuestions } from "../../src/session/ssh-questions.ts";

test("a password is that of an account", () => {
  expect(readQuestion("alice@web1's password: ")).toMatchObject({
    kind: "password",
    user: "alice",
    host: "web1",
  });
  expect(readQuestion("a@b@web1's password: ")).toMatchObject({ user: "a@b", host: "web1" });
  expect(readQuestion("(alice@web1) Password: ")).toMatchObject({
    kind: "password",
    user: "alice",
  });
});

test("what a server asks in other words is no password, nor a passphrase", () => {
  for (const text of [
    "(alice@web1) Verification code: ",
    "(alice@web1) Enter passphrase for key '/home/alice/.ssh/id_ed25519': ",
    "(alice@web1) \nDuo two-factor login\n",
    "Confirm user presence for key ECDSA-SK",
  ]) {
    expect(readQuestion(text).kind).toBe("other");
  }
});

test("a change of a password is told from a password", () => {
  for (const text of [
    "(alice@web1) You are required to change your password.\nCurrent password: ",
    "(alice@web1) (current) UNIX password: ",
    "(alice@web1) New password: ",
    "(alice@web1) Retype new UNIX password: ",
    "Enter alice@web1's old password: ",
    "Retype alice@web1's new password: ",
  ]) {
    expect(readQuestion(text)).toMatchObject({ kind: "change", user: "alice", host: "web1" });
  }
  const login = "(alice@web1) Your old password has expired.\nPassword for alice@new-web1: ";
  expect(readQuestion(login).kind).toBe("password");
});

test("a passphrase, and a host's key, whose answer may be seen", () => {
  const passphrase = readQuestion("Enter passphrase for key '/home/alice/.ssh/id_ed25519': ");
  expect(passphrase).toMatchObject({ kind: "passphrase", isVisible: false });
  const key =
    "The authenticity of host 'web1 (::1)' can't be established.\n" +
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";
  expect(readQuestion(key)).toMatchObject({ kind: "other", isVisible: true });
});

test("a question names the target, and holds for the way to it and for the machine asked for", async () => {
  const asked: (readonly [string, string | undefined])[] = [];
  const questions = {
    ask: async ({ host, way }: Question) => {
      asked.push([host, way]);
      return undefined;
    },
  } as unknown as Questions;
  const ssh = new SshQuestions(
    { name: "bastion/web1", way: "bastion\0ssh web1" },
    questions,
    () => {},
  );
  await ssh.ask("alice@10.0.0.5's password: ");
  await ssh.ask("alice@jump's password: ");
  expect(asked).toEqual([
    ["bastion/web1", "bastion\0ssh web1\u000010.0.0.5"],
    ["bastion/web1", "bastion\0ssh web1\0jump"],
  ]);
});

test("a host's key that is asked for again says so itself, and a password does not", async () => {
  const asked: Question[] = [];
  const questions = {
    ask: async (question: Question) => void asked.push(question),
  } as unknown as Questions;
  const ssh = new SshQuestions({ name: "web1", way: "" }, questions, () => {});
  const key = "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";
  const again = "Please type 'yes', 'no' or the fingerprint: ";
  const password = "alice@web1's password: ";
  for (const prompt of [key, again, again, password, password]) await ssh.ask(prompt);
  expect(asked.map((question) => [question.isAgain, shownPrompt(question)])).toEqual([
    [false, key],
    [true, again],
    [true, again],
    [false, password],
    [true, `Wrong. ${password}`],
  ]);
});
