/**
 * That src/program/econtext.d.ts, kept by hand, agrees with src/index.ts: checked by tsc with the
 * rest of the repository, never run. Each line that fails names what differs.
 */
/// <reference path="../../src/program/econtext.d.ts" />
import type * as Declared from "econtext";
import type * as Library from "../../src/index.ts";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Assert<T extends true> = T;
/** What only a program has. */
type OfPrograms = "run" | "connect" | "slave";

/**
 * Members that a class's instances have, and what a method takes and gives, as far as that is
 * plain.
 */
type Keys<T> = keyof T;

export type Checks = [
  Assert<Same<Exclude<Keys<typeof Declared>, OfPrograms>, Keys<typeof Library>>>,
  Assert<Same<Keys<Declared.Broker>, Keys<Library.Broker>>>,
  Assert<Same<Keys<Declared.Context>, Keys<Library.Context>>>,
  Assert<Same<Declared.BrokerOptions, Library.BrokerOptions>>,
  Assert<Same<Keys<Declared.BrokerOptions>, Keys<Library.BrokerOptions>>>,
  Assert<Same<Declared.ConnectOptions, Library.ConnectOptions>>,
  Assert<Same<Keys<Declared.ConnectOptions>, Keys<Library.ConnectOptions>>>,
  Assert<Same<Keys<Declared.SshOptions>, Keys<Library.SshOptions>>>,
  Assert<Same<Declared.CallOptions, Library.CallOptions>>,
  Assert<Same<Keys<Declared.CallOptions>, Keys<Library.CallOptions>>>,
  Assert<Same<Declared.ExecOptions, Library.ExecOptions>>,
  Assert<Same<Keys<Declared.ExecOptions>, Keys<Library.ExecOptions>>>,
  Assert<Same<Declared.ExecResult, Library.ExecResult>>,
  Assert<Same<Keys<Declared.RemoteProcess>, Keys<Library.RemoteProcess>>>,
  Assert<Same<Keys<Declared.ShellCommand>, Keys<Library.ShellCommand>>>,
  Assert<Same<Keys<Declared.Sender>, Keys<Library.Sender>>>,
  Assert<Same<Declared.SlaveInfo, Library.SlaveInfo>>,
  Assert<Same<Declared.LogRecord, Library.LogRecord>>,
  Assert<Same<Declared.LevelName, Library.LevelName>>,
  Assert<Same<Declared.BootstrapReport, Library.BootstrapReport>>,
  Assert<Same<Declared.BootstrapDescription, Library.BootstrapDescription>>,
  Assert<Same<Keys<Declared.CallError>, Keys<Library.CallError>>>,
  Assert<Same<Keys<Declared.ValueError>, Keys<Library.ValueError>>>,
  Assert<Same<Keys<Declared.RemoteError>, Keys<Library.RemoteError>>>,
  Assert<Library.Broker extends Declared.Broker ? true : false>,
  Assert<Library.Context extends Declared.Context ? true : false>,
];

declare const context: Declared.Context;
declare function add(a: number, b?: number): Promise<number>;
declare function count(to: number): AsyncGenerator<number>;
declare function inside(context: { readonly name: string }, text: string): string;

/** Types flow from the function to the call. */
export const flows = {
  sum: context.call(add, 1, 2) satisfies Promise<number>,
  inline: context.call(() => "text") satisfies Promise<string>,
  named: context.call("os.getpid") satisfies Promise<unknown>,
  within: context.callWith({ withContext: true }, inside, "text") satisfies Promise<string>,
  limited: context.callWith({ deadline: 5 }, add, 1) satisfies Promise<number>,
  iterated: context.call(count, 3) satisfies AsyncIterable<number>,
  // @ts-expect-error It takes a number.
  wrong: context.call(add, "1"),
  // @ts-expect-error It takes one.
  missing: context.call(add),
};
