import { percentile } from './statistics';

/** Milliseconds, one value for each round. */
export interface Latency {
  p50: number[];
  p95: number[];
  p99: number[];
}

/** Measured values by name, one value for each round. */
export type Rounds = Record<string, number[]>;

export interface Figures {
  /** Events per second, from the first request until both subscribers have acknowledged all events. */
  throughput: Rounds;
  /** Processor time per event at full load, in milliseconds, by style and process. Empty except on Linux. */
  cpuMsPerEvent: Record<string, Rounds>;
  /** From the time at which a post is due until its mail and its push message have arrived. */
  fanOut: Record<string, Latency>;
  /** The same while 2 % of the mails are refused for now, without the follows whose mails are refused. */
  besideRefusals: Record<string, Latency>;
  /** From the time at which a post is due until the answer of api-facade, or of its sidecar for a bare publish. */
  answer: Record<'POST /followers' | 'POST /followers, quickstart style' | 'bare publish', Latency>;
  /** From `dapr run` until the sidecar is ready, one value for each started service. */
  startMs: number[];
  memoryMb: { atRest: Record<string, number>; atFullLoad: Rounds };
  /** Events per second at full load, by the number of replicas of each subscriber. */
  replicas: Rounds;
  /** By the size of the backlog: events per second, and the memory of each process at the end of the measurement. */
  backlog: Record<string, { eventsPerSecond: number[]; memoryMb: Rounds }>;
  /** Sums over all measured full loads of the sample, one by one and in batches. The three numbers are equal. */
  counted: { events: number; mails: number; pushes: number };
}

/** Returns a latency without rounds. */
export const emptyLatency = (): Latency => ({ p50: [], p95: [], p99: [] });

/** Appends one round: the percentiles of its latencies. */
export function addLatencies(to: Latency | undefined, valuesMs: readonly number[]): void {
  to?.p50.push(percentile(valuesMs, 50));
  to?.p95.push(percentile(valuesMs, 95));
  to?.p99.push(percentile(valuesMs, 99));
}

/** Appends one round: one value for each name. */
export function addRound(to: Rounds, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) to[name] = [...(to[name] ?? []), value];
}
