import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { findDifferences, matchOptionsOf, PATTERNS } from './match';
import {
  type BrokerName,
  brokersOf,
  type Case,
  type Json,
  type JsonRecord,
  type Observation,
  RECORDING_FILES,
  readRecordingFile,
} from './recording';
import { type CaseOptions, type CaseResult, runCase } from './run-case';

const RUNS = 2;

/**
 * Resolves with a new observation of a case. It has placeholders for the values that differ from run to run.
 *
 * @throws {Error} when two runs of the case differ
 */
export async function record(recorded: Case, options: CaseOptions): Promise<Observation> {
  const runs: CaseResult[] = [];
  for (let i = 0; i < RUNS; i += 1) runs.push(await runCase(recorded, options));
  const [first, ...others] = runs.map(({ observation, known }) => generalise(observation, known, recorded));
  for (const { observation, known } of runs) {
    const differences = findDifferences(first ?? {}, observation, matchOptionsOf(recorded, known));
    if (differences.length > 0) throw new Error(`two runs of the case differ:\n${differences.join('\n')}`);
  }
  return withTimes(first ?? {}, others) as Observation;
}

/** Writes the files of the recording to `folder`, with new observations for the cases that were observed on all their brokers. */
export function writeRecording(
  folder: string,
  observed: ReadonlyMap<string, Partial<Record<BrokerName, Observation>>>,
  version: string,
): void {
  const measured = { program: 'daprd', version, runsPerCase: RUNS };
  for (const file of RECORDING_FILES) {
    const cases = readRecordingFile(file).cases.map((recorded) => {
      const now = observed.get(recorded.name);
      const isComplete = now && brokersOf(recorded).every((broker) => now[broker]);
      return isComplete ? { ...recorded, observed: joined(now) } : recorded;
    });
    writeFileSync(join(folder, file), `${JSON.stringify({ measured, cases }, undefined, 1)}\n`);
  }
}

/** Returns one observation for both brokers if they differ only in times. */
function joined(now: Partial<Record<BrokerName, Observation>>): Case['observed'] {
  const { 'in-memory': memory, redis } = now;
  const same = memory && redis && JSON.stringify(withoutTimes(memory)) === JSON.stringify(withoutTimes(redis));
  return same ? { any: memory } : now;
}

/** Returns the observation with placeholders for ports, addresses and generated values. */
function generalise(observation: Observation, known: Record<string, string>, recorded: Case): Observation {
  const { observed: _, ...given } = recorded;
  const sent = JSON.stringify(given);
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const name = (kind: string, value: string): string => {
    if (kind === 'time' || recorded.unordered) return `{${kind}}`;
    const count = (counts.get(kind) ?? 0) + (names.has(`${kind} ${value}`) ? 0 : 1);
    const existing = names.get(`${kind} ${value}`);
    if (existing) return existing;
    counts.set(kind, count);
    names.set(`${kind} ${value}`, `{${kind}:${count}}`);
    return `{${kind}:${count}}`;
  };
  const replaceText = (text: string): string => {
    let result = text;
    for (const [kind, value] of Object.entries({ ...known, hostname: hostname() })) {
      if (value !== '0') result = result.replace(new RegExp(`(?<![\\w.])${value}(?!\\w)`, 'g'), `{${kind}}`);
    }
    for (const kind of ['uuid', 'trace', 'time', 'streamid', 'span']) {
      const pattern = new RegExp(`(?<![\\w])${PATTERNS[kind]}(?!\\w)`, 'g');
      result = result.replace(pattern, (value) =>
        sent.includes(value) || /^0+$/.test(value) ? value : name(kind, value),
      );
    }
    return result;
  };
  const walk = (value: Json, key: string): Json => {
    if (typeof value === 'string') return opened(value, key, walk) ?? replaceText(value);
    if (typeof value === 'number') {
      const kind = Object.keys(known).find((candidate) => known[candidate] === String(value) && value !== 0);
      return kind === undefined ? value : `{${kind}}`;
    }
    if (Array.isArray(value)) return value.map((item) => walk(item, ''));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, walk(item, field)]));
  };
  return walk(observation, '') as Observation;
}

/** Returns the JSON that a string contains, parsed, so that the recording is readable. */
function opened(text: string, key: string, walk: (value: Json, key: string) => Json): Json | undefined {
  const inBase64 = ['data_base64', 'event'].includes(key) && text.length > 40;
  if (!inBase64 && key !== 'metadata.responsedata') return undefined;
  try {
    const value: Json = JSON.parse(inBase64 ? Buffer.from(text, 'base64').toString() : text);
    if (typeof value !== 'object') return undefined;
    return inBase64 ? { $base64OfJson: walk(value, '') } : walk(value, '');
  } catch {
    return undefined;
  }
}

const isTime = (key: string) => ['gapsMs', 'tookMs', 'firstMs'].includes(key);

/** Returns the first observation with the times of all runs in `gapsMs`, `tookMs` and `firstMs`. */
function withTimes(first: Json, others: Json[], key = ''): Json {
  if (isTime(key)) return [first, ...others];
  if (Array.isArray(first))
    return first.map((item, i) =>
      withTimes(
        item,
        others.map((other) => (other as Json[])[i] ?? null),
      ),
    );
  if (first === null || typeof first !== 'object') return first;
  const field = (name: string) => others.map((other) => (other as JsonRecord)[name] ?? null);
  return Object.fromEntries(Object.entries(first).map(([name, value]) => [name, withTimes(value, field(name), name)]));
}

const withoutTimes = (value: Json): Json =>
  JSON.parse(JSON.stringify(value, (key, item) => (isTime(key) ? undefined : item)));
