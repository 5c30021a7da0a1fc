import type { RunStackOptions } from '../scenarios/stacks/run-stack';
import { addLatencies, addRound, emptyLatency, type Figures } from './figures';
import {
  type FullLoad,
  measureBacklog,
  measureFullLoad,
  measureSteadyLoad,
  requireExactlyOnce,
} from './measure-pipeline';
import { Pipeline } from './pipeline';
import { memoryMb } from './process-usage';
import type { Progress } from './progress';
import { FAIR_LIMIT, LIMIT, QUICKSTART, QUICKSTART_PRINTS, SAMPLE, SAMPLE_IN_BATCHES } from './styles';

/** The measurements and their durations. */
export interface Plan {
  /** Each figure is measured this often. */
  rounds: number;
  /** Approximate duration of each load. */
  seconds: number;
  /** Follows per second when latencies are measured. */
  perSecond: number;
  /** Replicas of each subscriber, ascending from 1. */
  replicas: readonly number[];
  /** Follows that are posted to each style before the first measurement. */
  warmUp: number;
  /** Sizes of the backlogs, in events. */
  backlogs: readonly number[];
  /** A backlog is measured for at most this time in each round. The rest of it is discarded. */
  backlogSeconds: number;
}

const STYLES = [SAMPLE, SAMPLE_IN_BATCHES, QUICKSTART, QUICKSTART_PRINTS, FAIR_LIMIT, LIMIT];
/** The styles whose latencies are measured. */
const NOTIFYING = [SAMPLE, SAMPLE_IN_BATCHES, QUICKSTART];
/** The styles that are also measured while 2 % of the mails are refused for now. */
const RETRYING = [SAMPLE, SAMPLE_IN_BATCHES];
const REFUSE_EVERY = 50;

/** Returns the number of progress steps that `measure` takes for a plan. */
export const stepsOf = ({ rounds, replicas, backlogs }: Plan): number =>
  STYLES.length * (2 + rounds) + rounds * (NOTIFYING.length + RETRYING.length + 1 + backlogs.length + replicas.length);

/**
 * Resolves with the figures of all styles. All styles run at the same time and are loaded in turn, round after round.
 *
 * @throws {Error} when a process does not start, when an event is not accepted or not delivered, or when the sample
 * loses or doubles a notification
 */
export async function measure(plan: Plan, dapr: RunStackOptions, { step }: Progress): Promise<Figures> {
  const figures: Figures = {
    throughput: {},
    cpuMsPerEvent: {},
    fanOut: Object.fromEntries(NOTIFYING.map(({ name }) => [name, emptyLatency()])),
    besideRefusals: Object.fromEntries(RETRYING.map(({ name }) => [name, emptyLatency()])),
    answer: {
      'POST /followers': emptyLatency(),
      'POST /followers, quickstart style': emptyLatency(),
      'bare publish': emptyLatency(),
    },
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

    // The latest throughput of each pipeline determines how many follows fill the planned time.
    const follows = new Map<Pipeline, number>();
    const adjust = (pipeline: Pipeline, { eventsPerSecond }: FullLoad) =>
      follows.set(pipeline, Math.ceil(plan.seconds * eventsPerSecond));
    for (const pipeline of pipelines) {
      const { name } = pipeline.style;
      adjust(pipeline, await step(`warming up: ${name}`, () => measureFullLoad(pipeline, plan.warmUp)));
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const pipeline of pipelines) {
        const { name } = pipeline.style;
        const title = `full load: ${name}, round ${round}`;
        const loaded = await step(title, () => measureFullLoad(pipeline, follows.get(pipeline) ?? plan.warmUp));
        adjust(pipeline, loaded);
        addRound(figures.throughput, { [name]: loaded.eventsPerSecond });
        figures.cpuMsPerEvent[name] ??= {};
        addRound(figures.cpuMsPerEvent[name], loaded.cpuMsPerEvent);
        if (pipeline === sample) addRound(figures.memoryMb.atFullLoad, loaded.memoryMb);
        addCounts(figures, pipeline, loaded);
      }
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      const title = (name: string) => `${plan.perSecond} per second: ${name}, round ${round}`;
      for (const pipeline of pipelines) {
        const { style } = pipeline;
        if (!NOTIFYING.includes(style)) continue;
        const { fanOut, answers } = await step(title(style.name), () =>
          measureSteadyLoad(pipeline, pipeline.url, plan),
        );
        addLatencies(figures.fanOut[style.name], fanOut);
        if (style === SAMPLE) addLatencies(figures.answer['POST /followers'], answers);
        if (style === QUICKSTART) addLatencies(figures.answer['POST /followers, quickstart style'], answers);
        if (!RETRYING.includes(style)) continue;
        const besides = await step(`${title(style.name)}, 2 % of the mails refused`, () =>
          measureSteadyLoad(pipeline, pipeline.url, { ...plan, refuseEvery: REFUSE_EVERY }),
        );
        addLatencies(figures.besideRefusals[style.name], besides.fanOut);
      }
      const bare = await step(title('bare publish'), () => measureSteadyLoad(sample, sample.publishUrl, plan));
      addLatencies(figures.answer['bare publish'], bare.answers);
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const size of plan.backlogs) {
        const title = `backlog: ${size} events, round ${round}`;
        const measured = await step(title, () => measureBacklog(sample, size, plan.backlogSeconds));
        figures.backlog[size] ??= { eventsPerSecond: [], memoryMb: {} };
        figures.backlog[size].eventsPerSecond.push(measured.eventsPerSecond);
        addRound(figures.backlog[size].memoryMb, measured.memoryMb);
      }
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const replicas of plan.replicas) {
        const loaded = await step(`replicas of each subscriber: ${replicas}, round ${round}`, async () => {
          if (await sample.scale(replicas)) await measureFullLoad(sample, plan.warmUp);
          return measureFullLoad(sample, Math.ceil((follows.get(sample) ?? plan.warmUp) / 2));
        });
        addRound(figures.replicas, { [replicas]: loaded.eventsPerSecond });
        addCounts(figures, sample, loaded);
      }
    }
    figures.startMs = sample.startMs;
    return figures;
  } finally {
    await Promise.all(pipelines.map((pipeline) => pipeline.stop()));
  }
}

/** Adds a full load to the sums in `counted` when its style promises exactly one notification of each kind per event. */
function addCounts({ counted }: Figures, pipeline: Pipeline, loaded: FullLoad): void {
  if (!requireExactlyOnce(pipeline, loaded)) return;
  counted.events += loaded.events;
  counted.mails += loaded.mails;
  counted.pushes += loaded.pushes;
}
