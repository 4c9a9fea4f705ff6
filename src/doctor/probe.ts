/**
 * One login by the client of ssh in the context before, with `-v` and the survey's script: from
 * the name of a host to its shell. It uses nothing of econtext on the host.
 */
import type { Context } from "../context/context.ts";
import { LIMITS } from "../protocol/limits.ts";
import { neutralise, oneLine } from "../text.ts";
import type { Explanation, Transport } from "../transports/transport.ts";
import { type Passed, SshTrace } from "./ssh-trace.ts";
import type { Stage, StageName } from "./stage.ts";
import { readSurvey, type Survey, surveyScript } from "./survey.ts";

interface ProbeSettings {
  /** The path up to the host. */
  readonly hop: string;
  readonly transport: Transport;
  /** Where the client runs. */
  readonly before: Context;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a login found. */
export interface Probed {
  readonly stages: readonly Stage[];
  /** Undefined: no shell ran the script. */
  readonly survey: Survey | undefined;
}

/** What is said of a host that ssh jumps through, behind its name. */
const JUMPS = ", which ssh jumps through: ";
/** Characters of a profile's output that are shown. */
const SHOWN = 60;

/** Never throws for what the client or the host does. */
export async function probe(settings: ProbeSettings): Promise<Probed> {
  const mark = `econtext-${crypto.randomUUID()}`;
  const run = await runClient(settings, mark);
  const { trace } = run;
  const survey = readSurvey(run.stdout, mark);
  const passed = passedStages(settings.hop, trace.passed, run.startedAt);
  if (survey.found !== undefined)
    return { stages: [...passed, shellStage(settings, run, survey)], survey };
  const stage = trace.reached;
  const failed = failure(settings, run, survey, stage);
  // A person's answer may help: then the connection itself comes further, or says why not.
  const isDenied = stage === "login" && DENIED.test(trace.said);
  const stages = [...passed, isDenied ? withoutAnswers(failed, trace.said) : failed];
  return { stages: stages.map((one) => inJump(one, trace.jump)), survey: undefined };
}

const DENIED = /Permission denied \(/;
const PASSWORDS = /\((?:[^)]*,)?(?:password|keyboard-interactive)/;

/** How the client ended. */
interface Run {
  readonly trace: SshTrace;
  readonly stdout: string;
  /** The login printed more than any slave could be behind: the client was ended. */
  readonly isFlooded: boolean;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly status: number | undefined;
  /** Why it could not be started. */
  readonly problem: string | undefined;
}

async function runClient(settings: ProbeSettings, mark: string): Promise<Run> {
  const { transport, before, deadlineMs, signal } = settings;
  const [program = "ssh", ...rest] = transport.wrap(["/bin/sh", "-s"]);
  // PATH may be broken there. An existing connection would hide the way to the host.
  const argv = [program, "-v", "-o", "ControlPath=none", ...rest];
  const trace = new SshTrace();
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), deadlineMs);
  const signals = [ending.signal, ...(signal === undefined ? [] : [signal])];
  const startedAt = performance.now();
  let stdout = "";
  let [length, isFlooded] = [0, false];
  let ended: { status: number | undefined; problem?: string } = { status: undefined };
  const over = Promise.withResolvers<void>();
  const stdin = scriptUntil(surveyScript(mark), over.promise);
  const process = before.exec(argv, { stdin, signal: AbortSignal.any(signals) });
  const hear = async (
    stream: AsyncIterable<Uint8Array>,
    heard: (text: string) => void,
  ): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      length += chunk.length;
      isFlooded = length > LIMITS.maxNoiseBytes;
      if (isFlooded) return ending.abort();
      heard(decoder.decode(chunk, { stream: true }));
    }
  };
  try {
    const [result] = await Promise.all([
      process.exited,
      hear(process.stdout, (text) => {
        stdout += text;
      }),
      hear(process.stderr, (text) => trace.push(text, performance.now())),
    ]);
    ended = result;
  } catch (error) {
    signal?.throwIfAborted();
    if (!ending.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    over.resolve();
  }
  const { status, problem } = ended;
  const endedAt = performance.now();
  return { trace, stdout, isFlooded, startedAt, endedAt, status, problem };
}

/** The input stays open, as in a connection: a shell that only reads it hangs here, too. */
async function* scriptUntil(script: string, over: Promise<void>): AsyncGenerator<Uint8Array, void> {
  yield new TextEncoder().encode(script);
  await over;
}

function passedStages(hop: string, passed: readonly Passed[], startedAt: number): Stage[] {
  let before = startedAt;
  return passed.map(({ stage, at, detail, jump }) => {
    const ms = at - before;
    before = at;
    return inJump({ hop, stage, result: "ok", ms, detail: oneLine(detail) }, jump);
  });
}

function inJump(stage: Stage, jump: string | undefined): Stage {
  if (jump === undefined || stage.detail.includes(JUMPS)) return stage;
  return { ...stage, detail: `${oneLine(jump)}${JUMPS}${stage.detail}` };
}

function shellStage({ hop }: ProbeSettings, run: Run, { noise, isWhole }: Survey): Stage {
  const ms = run.endedAt - (run.trace.passed.at(-1)?.at ?? run.startedAt);
  const stage = { hop, stage: "shell", ms } as const;
  if (run.isFlooded) return { ...stage, result: "failed", ...floodWords(noise) };
  if (!isWhole) {
    const detail = "a command begins, and is ended before it is done";
    return { ...stage, result: "warning", detail, hint: "look at the limits of the account there" };
  }
  if (noise === "") return { ...stage, result: "ok", detail: "quiet" };
  const text = oneLine(noise.trim()).slice(0, SHOWN);
  return {
    ...stage,
    result: "warning",
    detail: `${noise.length} characters before a command: ${text}`,
    hint: "let the profile print only if the shell is interactive",
  };
}

/** @returns what to tell of a login whose output does not end, as a connection tells it */
function floodWords(said: string): Pick<Stage, "detail" | "hint"> {
  const text = oneLine(said.slice(0, SHOWN).trim()).slice(0, SHOWN);
  return {
    detail: `the login shell prints more than ${LIMITS.maxNoiseBytes} bytes, unasked: ${text}`,
    hint: "make the login shell's profile print less when it is not interactive",
  };
}

const SILENT: Partial<Record<StageName, readonly [detail: string, hint: string]>> = {
  name: ["the name is not resolved", "check the resolver: getent hosts NAME"],
  tcp: [
    "no answer: nothing refuses the connection, and nothing accepts it",
    "check the address, the route, and that no firewall drops it",
  ],
  "host key": [
    "connected, and the server says nothing more",
    "check that an ssh server listens on this port, and that it is not overloaded",
  ],
  login: ["the login hangs", "look at the server's log: PAM, a resolver or a home folder may wait"],
  shell: [
    "logged in, and the shell does not run the command",
    "look at the profile of the login shell for what waits or reads its input",
  ],
};

function failure(settings: ProbeSettings, run: Run, survey: Survey, stage: StageName): Stage {
  const { hop, transport } = settings;
  const { trace, status, problem } = run;
  const ms = run.endedAt - (trace.passed.at(-1)?.at ?? run.startedAt);
  const failed = { hop, stage, result: "failed", ms } as const;
  if (problem !== undefined) {
    const hint = "check that an ssh client is installed, and on PATH";
    return { ...failed, stage: "name", detail: oneLine(problem), hint };
  }
  if (run.isFlooded) return { ...failed, ...floodWords(survey.noise || trace.said) };
  const said = neutralise(trace.said.trim()).split("\n").filter(Boolean);
  if (status === undefined) {
    const [detail = "no answer", hint] = SILENT[stage] ?? [];
    const after = `${detail}, for ${Math.round(settings.deadlineMs / 1000)} s`;
    return { ...failed, detail: after, hint };
  }
  const told = transport.explain(status, trace.said, survey.noise);
  const last = said.at(-1);
  if (stage !== "shell" && told !== undefined) {
    return { ...failed, detail: detailOf(told) ?? last ?? oneLine(told.message), hint: told.hint };
  }
  const printed = oneLine((survey.noise.trim() || last) ?? "").slice(0, SHOWN);
  const detail = `the login shell ended with status ${status}${printed === "" ? ", and printed nothing" : `: ${printed}`}`;
  const hint = "check the shell of the account there, and that its home folder can be read";
  return { ...failed, detail, hint };
}

/** @returns the last line that says something; of a key that has changed, all of them */
function detailOf({ code, said }: Explanation): string | undefined {
  const lines = neutralise(said ?? "")
    .split("\n")
    .filter(Boolean);
  if (code !== "ERR_TRANSPORT_HOST_KEY_CHANGED") return lines.at(-1);
  return lines.map((line) => line.replace(/\.$/, "")).join("; ");
}

/** A login that asks nothing was tried. The connection may ask a person. */
function withoutAnswers(failed: Stage, said: string): Stage {
  const also = PASSWORDS.test(said) ? "; it takes a password" : "";
  return { ...failed, result: "unknown", detail: `no key is accepted${also}`, hint: undefined };
}
