/** What a program imports. Re-exports only. */
export { Broker, type BrokerOptions, type ConnectOptions, type UnpackOptions } from "./broker.ts";
export type { Callable, ParametersAfterContext, Result } from "./calls/callee.ts";
export type { CallOptions } from "./calls/options.ts";
export { Kwargs, kwargs } from "./calls/payload.ts";
export { Channel, type ReceiveOptions, Receiver, Sender } from "./channels/channel.ts";
export { Select } from "./channels/select.ts";
export type { Input } from "./commands/feed.ts";
export {
  type ExecOptions,
  type ExecResult,
  RemoteProcess,
  type Terminal,
} from "./commands/remote-process.ts";
export { type Shell, ShellCommand, type ShellOutput } from "./commands/shell-command.ts";
export { Context } from "./context/context.ts";
export type { SlaveInfo } from "./context/session.ts";
export {
  type BootstrapDescription,
  type DescribeOptions,
  describeBootstrap,
  type SentPart,
} from "./describe.ts";
export {
  BootstrapError,
  type BootstrapReport,
  CallError,
  CancelledError,
  ChannelError,
  DisconnectError,
  EcontextError,
  FilesError,
  ProtocolError,
  ShellError,
  TimeoutError,
  UsageError,
  ValueError,
} from "./errors.ts";
export type { CopyOptions, ReadFileOptions, WriteFileOptions } from "./files/copy.ts";
export type { CopyFailure, CopyProgress, CopyResult } from "./files/report.ts";
export type { AnyFunction } from "./functions/registry.ts";
export type { Kind, KindOptions, Language } from "./interpreters/kind.ts";
export type { LendProgress } from "./lend/lender.ts";
export { LEVELS, type LevelName, type LogRecord, levelName } from "./logs/log.ts";
export { RemoteError } from "./protocol/value.ts";
export { neutralise, oneLine } from "./text.ts";
export type { SshOptions } from "./transports/ssh.ts";
