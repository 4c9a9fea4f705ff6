/**
 * Diagnoses a connection stage by stage, along the path. Each word is probed from the context
 * before it; the first one from a local context. A stage that fails is the last one.
 */
import type { Broker } from "../broker/broker.ts";
import type { ConnectOptions } from "../context/connect-options.ts";
import type { Context } from "../context/context.ts";
import { EcontextError } from "../errors.ts";
import { Turns } from "../io/turns.ts";
import { neutralise, oneLine } from "../text.ts";
import type { Transport } from "../transports/transport.ts";
import { type PathOptions, type PathStep, parsePath } from "../tree/target-path.ts";
import { amount } from "../units/amount.ts";
import { bandwidth, clockDifference, roundTrip, writtenBytes } from "./link.ts";
import { type Probed, probe } from "./probe.ts";
import type { Stage, StageName } from "./stage.ts";
import { describeFound, type Found, isUsable, readSurvey, surveyScript } from "./survey.ts";

export interface DiagnoseOptions extends Pick<PathOptions, "schemes" | "targets"> {
  readonly connect: ConnectOptions;
  /** Milliseconds for each login and each connection. Default 20,000. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the diagnoses of several targets share, which may run at the same time. */
export class Diagnoses {
  readonly broker: Broker;
  /** One at a time: a bandwidth that two targets share is that of neither. */
  readonly measuring = new Turns(1);

  constructor(broker: Broker) {
    this.broker = broker;
  }
}

const DEADLINE_MS = 20_000;
/** A difference of clocks that breaks what compares times of two machines. */
const CLOCK_MS = 1000;

/**
 * @returns what was found at each stage, as it is found
 * @throws {UsageError} `ERR_USAGE_TARGET`; other errors are stages that failed
 */
export async function* diagnose(
  shared: Diagnoses,
  target: string,
  options: DiagnoseOptions,
): AsyncGenerator<Stage, void> {
  const { schemes, targets, connect } = options;
  const steps = parsePath(target, {
    ssh: { ...connect.ssh, interactive: false },
    schemes,
    targets,
  });
  const names = steps.map((_, at) =>
    steps
      .slice(0, at + 1)
      .map(({ transport }) => transport.label)
      .join("/"),
  );
  let before: Context | undefined;
  for (const [at, step] of steps.entries()) {
    const isLast = at === steps.length - 1;
    const hop = isLast ? target : (names[at] ?? target);
    const found: { context?: Context } = {};
    for await (const stage of throughWord({ shared, hop, step, before, options, isLast }, found)) {
      yield stage;
      if (stage.result === "failed") return;
    }
    before = found.context;
  }
  if (before === undefined) return;
  using _ = await shared.measuring.take();
  yield* ofLink(target, before);
}

interface WordPlace {
  readonly shared: Diagnoses;
  readonly hop: string;
  readonly step: PathStep;
  readonly before: Context | undefined;
  readonly options: DiagnoseOptions;
  readonly isLast: boolean;
}

/** @param found gets the context that the word leads to */
async function* throughWord(
  place: WordPlace,
  found: { context?: Context },
): AsyncGenerator<Stage, void> {
  const { shared, hop, step, options, isLast } = place;
  const { broker } = shared;
  const { deadlineMs = DEADLINE_MS, signal } = options;
  const { transport } = step;
  let isSurveyed = false;
  // Where a hop only carries the bytes of the embedded ssh, it need not have a client.
  const hasClient = place.before === undefined || transport.engine === undefined;
  if (transport.scheme === "ssh" && hasClient) {
    const { stages, survey } = await loginTo(place);
    yield* stages;
    if (stages.some(({ result }) => result === "failed")) return;
    if (survey?.found !== undefined) {
      isSurveyed = true;
      yield interpreterStage(hop, survey.found, undefined);
    }
  }
  const started = performance.now();
  const stage = transport.scheme === "ssh" ? "bootstrap" : "hop";
  try {
    // What chooses an interpreter is meant for the target.
    const { ssh } = options.connect;
    const own = isLast ? options.connect : ssh === undefined ? {} : { ssh };
    const context = await broker.connect(hop, { ...own, deadline: deadlineMs });
    const { kind, version, pid, executable } = await context.ready();
    found.context = context;
    const client = clientOf(transport, broker.exchange.get(context.id)?.sshRefusal);
    const detail = `${kind} ${version}, pid ${pid}, ${executable}${client}`;
    yield { hop, stage, result: "ok", ms: performance.now() - started, detail: oneLine(detail) };
    if (!isSurveyed) yield await surveyBy(hop, context);
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof EcontextError)) throw error;
    const at = transport.scheme === "ssh" ? stageOf(error, stage) : stage;
    yield { hop, stage: at, result: "failed", ms: performance.now() - started, ...wordsOf(error) };
  }
}

/** A local context runs one command at a time: each target has one of its own. */
async function loginTo({ shared, hop, step, before, options }: WordPlace): Promise<Probed> {
  const { deadlineMs = DEADLINE_MS, signal } = options;
  const settings = { hop, transport: step.transport, deadlineMs, signal };
  if (before !== undefined) return probe({ ...settings, before });
  await using here = await shared.broker.connect("local");
  await here.ready(); // its start is no part of the first stage
  return await probe({ ...settings, before: here });
}

/** By the code of an error: the stage that failed. The beginning of a code stands for all. */
const FAILED: readonly (readonly [code: string, stage: StageName])[] = [
  ["ERR_TRANSPORT_UNKNOWN_HOST", "name"],
  ["ERR_TRANSPORT_UNREACHABLE", "tcp"],
  ["ERR_TRANSPORT_HOST_KEY_", "host key"],
  ["ERR_TRANSPORT_PERMISSION_DENIED", "login"],
  ["ERR_TRANSPORT_PASSWORD_", "login"],
  ["ERR_TRANSPORT_NO_LOGIN_SHELL", "shell"],
];

function stageOf({ code }: EcontextError, usual: StageName): StageName {
  return FAILED.find(([one]) => code.startsWith(one))?.[1] ?? usual;
}

/**
 * The stages before the bootstrap are those of the ssh program, whatever connects later.
 *
 * @param refusal why the embedded ssh has refused the host
 */
function clientOf({ engine }: Transport, refusal: string | undefined): string {
  if (engine === undefined) return "";
  const embedded = ", by the embedded ssh";
  if (engine === "embedded") return embedded;
  if (refusal === undefined) return `${embedded}, which lacks nothing that this host needs`;
  return `, by your ssh, because the embedded one refuses the host: ${refusal}`;
}

/** @returns what an error says, and what it advises */
function wordsOf(error: EcontextError): { detail: string; hint?: string } {
  const [detail = "", hint] = neutralise(error.message).split("\n  try: ");
  return { detail: detail.replace(/\n\s*/g, "; "), ...(hint === undefined ? {} : { hint }) };
}

async function surveyBy(hop: string, context: Context): Promise<Stage> {
  const started = performance.now();
  const mark = `econtext-${crypto.randomUUID()}`;
  const process = context.exec(["sh", "-s"], { stdin: surveyScript(mark) });
  const { found } = readSurvey(await process.stdout.text(), mark);
  return interpreterStage(hop, found ?? [], performance.now() - started);
}

function interpreterStage(hop: string, found: readonly Found[], ms: number | undefined): Stage {
  const stage = { hop, stage: "interpreters", ms } as const;
  const detail = oneLine(found.map(describeFound).join("; "));
  if (!found.some(isUsable)) {
    const known = detail === "" ? "none is on PATH" : `none will do: ${detail}`;
    const hint = "install python3, nodejs or bun there; or name one by --python PATH";
    // An interpreter may stand elsewhere, and be named by an option: the connection tells.
    return { ...stage, result: "unknown", detail: known, hint };
  }
  const lacking = found.filter(({ missing }) => missing.length > 0);
  if (lacking.length === found.filter(isUsable).length && lacking.length > 0) {
    const hint = "exec -t needs them: install the package python3 in place of python3-minimal";
    return { ...stage, result: "warning", detail, hint };
  }
  return { ...stage, result: "ok", detail };
}

async function* ofLink(hop: string, context: Context): AsyncGenerator<Stage, void> {
  const { pid } = await context.ready();
  const measures = [
    ["round trip", tripStage],
    ["bandwidth", bandwidthStage],
    ["clock", clockStage],
    ["nothing written", (one: Context) => writtenStage(one, pid)],
  ] as const;
  for (const [stage, measure] of measures) {
    const started = performance.now();
    try {
      const told = await measure(context);
      const ms = stage === "round trip" ? undefined : performance.now() - started;
      yield { hop, stage, result: "ok", ms, ...told };
    } catch (error) {
      if (!(error instanceof EcontextError)) throw error;
      yield { hop, stage, result: "failed", ms: performance.now() - started, ...wordsOf(error) };
      return;
    }
  }
}

type Told = Pick<Stage, "detail" | "hint"> & { readonly result?: Stage["result"] };

async function tripStage(context: Context): Promise<Told> {
  const { median, worst } = await roundTrip(context);
  return { detail: `${shortMs(median)} (the slowest of ten ${shortMs(worst)})` };
}

async function bandwidthStage(context: Context): Promise<Told> {
  const { up, down } = await bandwidth(context);
  return { detail: `${amount(up)}/s there, ${amount(down)}/s back` };
}

async function clockStage(context: Context): Promise<Told> {
  const found = await clockDifference(context);
  if (found === undefined) return { result: "unknown", detail: "its date cannot be read" };
  const { ahead, within } = found;
  if (Math.abs(ahead) <= within) return { detail: `the same, within ${shortMs(within)}` };
  const side = ahead > 0 ? "ahead" : "behind";
  const detail = `${shortMs(Math.abs(ahead))} ${side}, within ${shortMs(within)}`;
  if (Math.abs(ahead) - within < CLOCK_MS) return { detail };
  return { result: "warning", detail, hint: "set the clock there: timedatectl set-ntp true" };
}

async function writtenStage(context: Context, pid: number): Promise<Told> {
  const bytes = await writtenBytes(context, pid);
  if (bytes === undefined) return { result: "unknown", detail: "the system does not count it" };
  if (bytes === 0) return { detail: "0 bytes to any disk, by the interpreter" };
  const hint = "the interpreter itself writes: look for a cache or a trace that it is told to keep";
  return { result: "warning", detail: `${bytes} bytes to disks, by the interpreter`, hint };
}

function shortMs(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toPrecision(3)} s` : `${Number(ms.toPrecision(2))} ms`;
}
