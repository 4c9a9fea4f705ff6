/**
 * What a program imports. Re-exports only. Types that a program has no need to write are not named
 * here: they are reached through their owners, as in `RemoteProcess["stdout"]`.
 */
import "./context/class-names.ts";

export { Broker } from "./broker/broker.ts";
export type { BrokerOptions } from "./broker/options.ts";
export type { CallOptions } from "./calls/options.ts";
export { Kwargs, kwargs } from "./calls/payload.ts";
export { Channel, Receiver, Sender } from "./channels/channel.ts";
export { Select } from "./channels/select.ts";
export type { Input } from "./commands/feed.ts";
export { type ExecOptions, type ExecResult, RemoteProcess } from "./commands/remote-process.ts";
export { ShellCommand } from "./commands/shell-command.ts";
export type { ShellOutput } from "./commands/shell-output.ts";
export type { ConnectOptions } from "./context/connect-options.ts";
export { Context } from "./context/context.ts";
export type { SlaveInfo } from "./context/session.ts";
export { describeBootstrap, describePath } from "./describe.ts";
export {
  BootstrapError,
  CallError,
  CancelledError,
  ChannelError,
  DisconnectError,
  EcontextError,
  FilesError,
  ProtocolError,
  ShellError,
  SkippedError,
  TimeoutError,
  UsageError,
  ValueError,
} from "./errors.ts";
export type { CopyOptions } from "./files/copy.ts";
export { CommonSources } from "./files/remote-files.ts";
export type { CopyFailure, CopyProgress, CopyResult } from "./files/report.ts";
export { Fleet } from "./fleet/fleet.ts";
export type { FleetOptions, FleetResult } from "./fleet/result.ts";
export type { Kind } from "./interpreters/kind.ts";
export type { LendProgress } from "./lend/lender.ts";
export { LEVELS, type LevelName, type LogRecord, levelName } from "./logs/log.ts";
export { RemoteError } from "./protocol/value.ts";
export { neutralise, oneLine } from "./text.ts";
export type { SshOptions } from "./transports/ssh.ts";
