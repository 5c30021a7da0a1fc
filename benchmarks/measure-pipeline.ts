// One measurement of one pipeline: a full load, a steady load, or a backlog.
import { setTimeout as sleep } from 'node:timers/promises';
import { fullLoad, publishMany, steadyLoad } from './load-generator';
import type { Pipeline } from './pipeline';
import { cpuMs, memoryMb } from './process-usage';
import type { Arrivals } from './sink';
import { SAMPLE, SAMPLE_IN_BATCHES } from './styles';

const DRAIN_MS = 60_000;
/** The styles that promise one mail and one push message for each event. */
const EXACTLY_ONCE = [SAMPLE, SAMPLE_IN_BATCHES];

export interface FullLoad {
  events: number;
  mails: number;
  pushes: number;
  eventsPerSecond: number;
  cpuMsPerEvent: Record<string, number>;
  memoryMb: Record<string, number>;
}

/**
 * Resolves with the figures of one full load, from the first request until both subscribers have acknowledged all events.
 *
 * @throws {Error} when an event is not accepted or not delivered
 */
export async function measureFullLoad(pipeline: Pipeline, follows: number): Promise<FullLoad> {
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

/**
 * Resolves with the latencies of one steady load, in milliseconds: until both notifications have arrived, and until the
 * answer. With `refuseEvery`, the mail server refuses the first mail about every so many followers for now. The
 * latencies are then those of the other follows.
 *
 * @throws {Error} when a notification is missing, or when a style that promises exactly one has sent several
 */
export async function measureSteadyLoad(
  pipeline: Pipeline,
  url: string,
  { perSecond, seconds, refuseEvery = 0 }: { perSecond: number; seconds: number; refuseEvery?: number },
): Promise<{ fanOut: number[]; answers: number[] }> {
  await pipeline.arrivals();
  pipeline.refuseMails(refuseEvery);
  const posted = await steadyLoad(url, perSecond, seconds);
  await drained(pipeline);
  const { mails, pushes } = await allArrivals(pipeline, posted.length);
  pipeline.refuseMails(0);
  requireExactlyOnce(pipeline, { events: posted.length, mails: mails.length, pushes: pushes.length });
  const [mailedAt, pushedAt] = [new Map(mails), new Map(pushes)];
  const fanOut = posted.map(({ follower, dueAtMs }) => {
    const [mail, push] = [mailedAt.get(follower), pushedAt.get(follower)];
    if (mail === undefined || push === undefined)
      throw new Error(`${pipeline.style.name}: the mail or the push message about ${follower} is missing`);
    return Math.max(mail, push) - dueAtMs;
  });
  const others = fanOut.filter((_, i) => refuseEvery === 0 || i % refuseEvery !== 0);
  return { fanOut: others, answers: posted.map(({ tookMs }) => tookMs) };
}

/** Resolves with the arrivals when `count` mails and as many push messages are there, or after a minute. */
async function allArrivals(pipeline: Pipeline, count: number): Promise<Arrivals> {
  const all: Arrivals = { mails: [], pushes: [] };
  for (const deadline = Date.now() + DRAIN_MS; ; await sleep(20)) {
    const { mails, pushes } = await pipeline.arrivals();
    all.mails.push(...mails);
    all.pushes.push(...pushes);
    if (Math.min(all.mails.length, all.pushes.length) >= count || Date.now() > deadline) return all;
  }
}

/**
 * Resolves with the rate at which the subscribers process a backlog, and their memory at the end. The measurement takes
 * at most `maxSeconds`; the rest of the backlog is discarded.
 */
export async function measureBacklog(
  pipeline: Pipeline,
  size: number,
  maxSeconds: number,
): Promise<{ eventsPerSecond: number; memoryMb: Record<string, number> }> {
  const processes = pipeline.processes();
  pipeline.holdSubscribers('SIGSTOP');
  try {
    await publishMany(pipeline.publishUrl, size);
  } finally {
    pipeline.holdSubscribers('SIGCONT');
  }
  const startedAt = Date.now();
  const before = await pipeline.broker.unacknowledged();
  while ((await pipeline.broker.unacknowledged()) > 0 && Date.now() - startedAt < 1_000 * maxSeconds) await sleep(20);
  // The broker counts deliveries, two for each event.
  const eventsPerSecond = (1_000 * (before - (await pipeline.broker.unacknowledged()))) / 2 / (Date.now() - startedAt);
  const memory = memoryMb(processes);
  await pipeline.broker.skipUndelivered();
  await drained(pipeline);
  return { eventsPerSecond, memoryMb: memory };
}

/**
 * Returns whether the style promises exactly one mail and one push message for each event.
 *
 * @throws {Error} when a style with that promise has lost or doubled a notification: its figures would be worthless
 */
export function requireExactlyOnce(
  { style }: Pipeline,
  { events, mails, pushes }: { events: number; mails: number; pushes: number },
): boolean {
  if (!EXACTLY_ONCE.includes(style)) return false;
  if (mails === events && pushes === events) return true;
  throw new Error(`${style.name}: ${events} events, but ${mails} mails and ${pushes} push messages`);
}

/**
 * Resolves with the time at which the broker had no events left, in milliseconds since the epoch.
 *
 * @throws {Error} when that takes longer than a minute, or when an event became a dead letter
 */
async function drained({ style, broker }: Pipeline): Promise<number> {
  const at = await broker.waitUntilDrained(DRAIN_MS);
  const dead = await broker.deadLetters();
  if (dead > 0) throw new Error(`${style.name}: ${dead} dead letters`);
  return at;
}
