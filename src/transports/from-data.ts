/** From a transport's data and a word of a path to the transport. */
import { CAUSES } from "./causes.ts";
import type { Failure, TransportData } from "./data.ts";
import { fill, type Values } from "./template.ts";
import type { Explanation, Transport } from "./transport.ts";
import { partsOf, type Word } from "./word.ts";

/**
 * @param label the text of the word
 * @param isRoot whether it is known that root runs the program
 */
export function fromData(
  data: TransportData,
  word: Word,
  label: string,
  isRoot = false,
): Transport {
  const { scheme, hasNetwork = false, isClient = false, isCustom = false, password } = data;
  const { destination } = word;
  const values = { ...optionValues(data, word), ...partsOf(data, destination), destination };
  const rule = password && {
    prompt: password.prompt,
    user: password.of === "destination" ? destination : undefined,
  };
  return {
    scheme,
    destination: destination === "" ? scheme : destination,
    label,
    hasNetwork,
    isClient,
    sharesDisk: false,
    asks: false,
    isCustom,
    failed: explanation(unknownFailure(data), data, isRoot),
    ...(rule === undefined ? {} : { password: rule }),
    wrap: (command, prompt) => {
      const words = command.map((word) => twice(word, data.doubled));
      const isAsked = prompt !== undefined && password?.argv !== undefined;
      return fill(isAsked ? password.argv : data.argv, { ...values, command: words, prompt });
    },
    explain: (exitCode, stderr, stdout = "") => {
      const failure = data.failures.find((one) => fits(one, exitCode, [stderr, stdout]));
      return failure && explanation(failure, data, isRoot);
    },
  };
}

function twice(word: string, character: string | undefined): string {
  return character === undefined ? word : word.replaceAll(character, () => character.repeat(2));
}

function optionValues({ options = {} }: TransportData, word: Word): Values {
  return Object.fromEntries(
    Object.entries(options).map(([name, { default: usual, words }]) => {
      const value = word.options[name] ?? usual;
      const isList = words !== undefined && value !== undefined;
      return [name, isList ? value.split("+").flatMap((one) => words[one] ?? []) : value];
    }),
  );
}

function fits({ text, status }: Failure, exitCode: number | undefined, said: string[]): boolean {
  if (exitCode === 0 || (status !== undefined && status !== exitCode)) return false;
  return text === undefined || said.some((output) => text.test(output));
}

/** A program that asks for passwords may have failed because it got none. */
function unknownFailure({ isCustom, password }: TransportData): Failure {
  if (isCustom !== true || password === undefined) return { cause: "failed" };
  const hint = `if it wants a password, give one with --ask-pass; else ${CAUSES.failed.hint}`;
  return { cause: "failed", hint };
}

/** Takes the place of the advice to become root. */
const ROOT_ALREADY = "root may not do it there: the container or the kernel forbids it";

function explanation(
  { cause, hint }: Failure,
  { scheme, destination: rule }: TransportData,
  isRoot: boolean,
): Explanation {
  const { code, what, hint: usual } = CAUSES[cause];
  const replace = (text: string): string =>
    text.replaceAll("{scheme}", scheme).replaceAll("{noun}", rule?.noun ?? "place");
  const advice = replace(hint ?? usual);
  const isVoid = isRoot && advice.includes("sudo:root/");
  return { code, message: replace(what), hint: isVoid ? ROOT_ALREADY : advice };
}
