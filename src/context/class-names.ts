/**
 * What `console.log(channel)` shows of public classes: their names, which minification would
 * shorten, and none of their members, which no user needs. Brokers, contexts, generators,
 * processes and errors say so in their own files.
 */
import { Kwargs } from "../calls/payload.ts";
import { Channel, Receiver, Sender } from "../channels/channel.ts";
import { Select } from "../channels/select.ts";
import { CommandOutput } from "../commands/output.ts";
import { ShellCommand } from "../commands/shell-command.ts";

const CLASSES = {
  Channel,
  CommandOutput,
  Kwargs,
  Receiver,
  Select,
  Sender,
  ShellCommand,
};

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

for (const [name, { prototype }] of Object.entries(CLASSES)) {
  Object.defineProperty(prototype, INSPECT, { value: () => `${name} {}`, configurable: true });
}
