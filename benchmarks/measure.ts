import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStackOptions } from '../scenarios/stacks/run-stack';
import { fullLoad, publishMany, steadyLoad } from './load';
import { Pipeline } from './pipeline';
import { cpuMs, memoryMb } from './processes';
import type { Progress } from './progress';
import { percentile } from './statistics';
import { LIMIT, QUICKSTART, QUICKSTART_PRINTS, SAMPLE, SAMPLE_IN_BATCHES } from './styles';

/** What is measured, and for how long. */
export interface Plan {
  /** How often each figure is measured. */
  rounds: number;
  /** About how long each load lasts. */
  seconds: number;
  /** Follows a second in the measurement of latencies. */
  perSecond: number;
  /** Replicas of each subscriber, ascending from 1. */
  replicas: readonly number[];
  /** Follows that are posted to each style before anything is measured. */
  warmUp: number;
  /** Events that wait in the broker. */
  backlogs: readonly number[];
  /** A backlog that takes longer is left, each round; its rate is that of this time. */
  backlogSeconds: number;
}

/** Milliseconds, one value for each round. */
export interface Latency {
  p50: number[];
  p95: number[];
  p99: number[];
}

/** By what was measured, one value for each round. */
export type Rounds = Record<string, number[]>;

export interface Figures {
  /** Events a second from the first request until both subscribers had acknowledged all; one value a round. */
  throughput: Rounds;
  /** Processor time for an event at full load, by style and process, in milliseconds; empty where nobody tells it. */
  cpuMsPerEvent: Record<string, Rounds>;
  /** From the request until the mail and the push message were there. */
  fanOut: Record<string, Latency>;
  /** Until the answer to POST /followers, and to a bare publish into the same sidecar. */
  answer: Record<'POST /followers' | 'bare publish', Latency>;
  /** From `dapr run` until the sidecar is ready, for each service that was started. */
  startMs: number[];
  memoryMb: { atRest: Record<string, number>; atFullLoad: Rounds };
  /** Events a second at full load with so many replicas of each subscriber. */
  replicas: Rounds;
  /** Events a second while a backlog of that size is worked off, and the services' memory at its end, in megabytes. */
  backlog: Record<string, { eventsPerSecond: number[]; memoryMb: Rounds }>;
  /** The mails and push messages of all full loads of the sample, one by one and in batches, which are as many as its events. */
  counted: { events: number; mails: number; pushes: number };
}

const STYLES = [SAMPLE, SAMPLE_IN_BATCHES, QUICKSTART, QUICKSTART_PRINTS, LIMIT];
const DRAIN_MS = 60_000;
/** Those that promise one mail and one push message for each event. */
const COUNTED = [SAMPLE, SAMPLE_IN_BATCHES];
/** Those whose notifications arrive somewhere. */
const NOTIFYING = [SAMPLE, SAMPLE_IN_BATCHES, QUICKSTART];

/** How many steps of progress `measure` makes of a plan. */
export const stepsOf = ({ rounds, replicas, backlogs }: Plan): number =>
  STYLES.length * (2 + rounds) + rounds * (NOTIFYING.length + 1 + backlogs.length + replicas.length);

/** @throws {Error} when something does not start, an event is not accepted or not delivered, or the sample loses or doubles one */
export async function measure(plan: Plan, dapr: RunStackOptions, { step }: Progress): Promise<Figures> {
  const figures: Figures = {
    throughput: {},
    cpuMsPerEvent: {},
    fanOut: Object.fromEntries(NOTIFYING.map(({ name }) => [name, latency()])),
    answer: { 'POST /followers': latency(), 'bare publish': latency() },
    startMs: [],
    memoryMb: { atRest: {}, atFullLoad: {} },
    replicas: {},
    backlog: {},
    counted: { events: 0, mails: 0, pushes: 0 },
  };
  const pipelines: Pipeline[] = [];
  try {
    for (const style of STYLES) {
      pipelines.push(await step(`starting: ${style.name}`, () => Pipeline.start(style, dapr)));
    }
    const sample = pipelines.find(({ style }) => style === SAMPLE) as Pipeline;
    figures.memoryMb.atRest = memoryMb(sample.processes());

    // As many follows as take the planned time, by what was measured last.
    const follows = new Map<Pipeline, number>();
    const expect = (pipeline: Pipeline, { eventsPerSecond }: Loaded) =>
      follows.set(pipeline, Math.ceil(plan.seconds * eventsPerSecond));
    for (const pipeline of pipelines) {
      expect(pipeline, await step(`warming up: ${pipeline.style.name}`, () => load(pipeline, plan.warmUp)));
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const pipeline of pipelines) {
        const { name } = pipeline.style;
        const title = `full load: ${name}, round ${round}`;
        const loaded = await step(title, () => load(pipeline, follows.get(pipeline) ?? plan.warmUp));
        expect(pipeline, loaded);
        addRound(figures.throughput, { [name]: loaded.eventsPerSecond });
        figures.cpuMsPerEvent[name] ??= {};
        addRound(figures.cpuMsPerEvent[name], loaded.cpuMsPerEvent);
        if (pipeline === sample) addRound(figures.memoryMb.atFullLoad, loaded.memoryMb);
        count(figures, pipeline, loaded);
      }
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      const title = (what: string) => `${plan.perSecond} a second: ${what}, round ${round}`;
      for (const pipeline of pipelines) {
        const { style } = pipeline;
        if (!NOTIFYING.includes(style)) continue;
        const { fanOut, answers } = await step(title(style.name), () => steady(pipeline, pipeline.url, plan));
        add(figures.fanOut[style.name], fanOut);
        if (pipeline === sample) add(figures.answer['POST /followers'], answers);
      }
      const bare = await step(title('bare publish'), () => steady(sample, sample.publishUrl, plan));
      add(figures.answer['bare publish'], bare.answers);
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const size of plan.backlogs) {
        const title = `a backlog of ${size}, round ${round}`;
        const { eventsPerSecond, memoryMb } = await step(title, () => workOff(sample, size, plan.backlogSeconds));
        figures.backlog[size] ??= { eventsPerSecond: [], memoryMb: {} };
        figures.backlog[size].eventsPerSecond.push(eventsPerSecond);
        addRound(figures.backlog[size].memoryMb, memoryMb);
      }
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const replicas of plan.replicas) {
        const loaded = await step(`replicas of each subscriber: ${replicas}, round ${round}`, async () => {
          if (await sample.scale(replicas)) await load(sample, plan.warmUp);
          return load(sample, Math.ceil((follows.get(sample) ?? plan.warmUp) / 2));
        });
        addRound(figures.replicas, { [replicas]: loaded.eventsPerSecond });
        count(figures, sample, loaded);
      }
    }
    figures.startMs = sample.startMs;
    return figures;
  } finally {
    await Promise.all(pipelines.map((pipeline) => pipeline.stop()));
  }
}

function addRound(to: Rounds, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) to[name] = [...(to[name] ?? []), value];
}

const latency = (): Latency => ({ p50: [], p95: [], p99: [] });

function add(to: Latency | undefined, valuesMs: readonly number[]): void {
  to?.p50.push(percentile(valuesMs, 50));
  to?.p95.push(percentile(valuesMs, 95));
  to?.p99.push(percentile(valuesMs, 99));
}

interface Loaded {
  events: number;
  mails: number;
  pushes: number;
  eventsPerSecond: number;
  cpuMsPerEvent: Record<string, number>;
  memoryMb: Record<string, number>;
}

async function load(pipeline: Pipeline, follows: number): Promise<Loaded> {
  await pipeline.arrivals();
  const before = await pipeline.broker.published();
  const processes = pipeline.processes();
  const cpuBefore = cpuMs(processes);
  const startedAt = Date.now();
  await fullLoad(pipeline.url, follows);
  const memory = memoryMb(processes);
  const doneAt = await drained(pipeline);
  const cpu = Object.entries(cpuMs(processes));
  const events = (await pipeline.broker.published()) - before;
  const { mails, pushes } = await pipeline.arrivals();
  return {
    events,
    mails: mails.length,
    pushes: pushes.length,
    eventsPerSecond: (1_000 * events) / (doneAt - startedAt),
    cpuMsPerEvent: Object.fromEntries(cpu.map(([name, ms]) => [name, (ms - (cpuBefore[name] ?? 0)) / events])),
    memoryMb: memory,
  };
}

/** @throws {Error} when it takes too long, or an event became a dead letter */
async function drained({ style, broker }: Pipeline): Promise<number> {
  const at = await broker.idle(DRAIN_MS);
  const dead = await broker.deadLetters();
  if (dead > 0) throw new Error(`${style.name}: ${dead} dead letters`);
  return at;
}

/** A figure of a sample that loses or doubles events would be worth nothing. @throws {Error} when it does */
function exactlyOnce({ style }: Pipeline, events: number, mails: number, pushes: number): void {
  if (!COUNTED.includes(style)) return;
  if (mails !== events || pushes !== events)
    throw new Error(`${style.name}: ${events} events, but ${mails} mails and ${pushes} push messages`);
}

function count({ counted }: Figures, pipeline: Pipeline, { events, mails, pushes }: Loaded): void {
  if (!COUNTED.includes(pipeline.style)) return;
  exactlyOnce(pipeline, events, mails, pushes);
  counted.events += events;
  counted.mails += mails;
  counted.pushes += pushes;
}

async function steady(pipeline: Pipeline, url: string, { perSecond, seconds }: Plan) {
  await pipeline.arrivals();
  const posted = await steadyLoad(url, perSecond, seconds);
  await drained(pipeline);
  const { mails, pushes } = await pipeline.arrivals();
  exactlyOnce(pipeline, posted.length, mails.length, pushes.length);
  const [mailedAt, pushedAt] = [new Map(mails), new Map(pushes)];
  const fanOut = posted.map(({ follower, dueAtMs }) => {
    const [mail, push] = [mailedAt.get(follower), pushedAt.get(follower)];
    if (mail === undefined || push === undefined)
      throw new Error(`${pipeline.style.name}: nothing arrived of ${follower}`);
    return Math.max(mail, push) - dueAtMs;
  });
  return { fanOut, answers: posted.map(({ tookMs }) => tookMs) };
}

async function workOff(pipeline: Pipeline, size: number, atMostSeconds: number) {
  const processes = pipeline.processes();
  pipeline.holdSubscribers('SIGSTOP');
  try {
    await publishMany(pipeline.publishUrl, size);
  } finally {
    pipeline.holdSubscribers('SIGCONT');
  }
  const startedAt = Date.now();
  const before = await pipeline.broker.left();
  while ((await pipeline.broker.left()) > 0 && Date.now() - startedAt < 1_000 * atMostSeconds) await sleep(20);
  const eventsPerSecond = (1_000 * (before - (await pipeline.broker.left()))) / 2 / (Date.now() - startedAt);
  const memory = memoryMb(processes);
  await pipeline.broker.skip();
  await drained(pipeline);
  return { eventsPerSecond, memoryMb: memory };
}
