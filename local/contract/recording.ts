import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type BrokerName = 'in-memory' | 'redis';
export const BROKER_NAMES: readonly BrokerName[] = ['in-memory', 'redis'];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonRecord = { [key: string]: Json };

/** How the recorded app answers a request. */
export interface AppAnswer {
  status?: number;
  headers?: Record<string, string>;
  json?: Json;
  text?: string;
  delayMs?: number;
  /** The app never answers. */
  hang?: boolean;
  /** The app closes the connection instead of an answer. */
  destroy?: boolean;
  /** The app answers with the request as JSON. */
  echo?: boolean;
  /** The app sends these parts of its answer, each after `chunkMs`. */
  chunks?: string[];
  chunkMs?: number;
  /** The app closes the connection after the parts, before the end of the answer. */
  breakOff?: boolean;
  /** A body of this many bytes. */
  fill?: number;
  /** A header `x-fill` of this many bytes. */
  fillHeader?: number;
  /** Header lines, for names that occur several times. */
  headerLines?: [name: string, value: string][];
  /** A status for each entry of a bulk delivery, by index. `*` stands for all other entries, `OMIT` for no status. */
  bulk?: Record<string, string>;
}

export interface AppBehaviour {
  subscribe?: Json[] | AppAnswer;
  config?: AppAnswer;
  /** Answers by path. In a list, the n-th answer is for the n-th request. The last is for all later requests too. */
  routes?: Record<string, AppAnswer | AppAnswer[]>;
}

export interface Party {
  appId?: string;
  resources?: JsonRecord[];
  config?: JsonRecord;
  flags?: string[];
  apiToken?: string;
  appToken?: string;
  /** More variables in the environment of the sidecar. */
  env?: Record<string, string>;
  app?: AppBehaviour | null;
  /** A step starts the app. */
  appLate?: boolean;
}

export interface Step {
  do: string;
  via?: 'second';
  label?: string;
  // request, background, burst
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  json?: Json;
  text?: string;
  base64?: string;
  fill?: number;
  /** A header `x-fill` of this many bytes. */
  fillHeader?: number;
  /** Shows each part of the answer and the time until the first one. */
  stream?: boolean;
  /** Shows the header lines of the answer, sorted. */
  lines?: boolean;
  host?: string;
  /** Another port than the port of the API. */
  port?: string;
  pick?: string[];
  sortBy?: string;
  until?: number;
  timed?: boolean;
  retryReset?: boolean;
  n?: number;
  bodies?: boolean;
  // wait, sleep
  deliveries?: number;
  timeoutMs?: number;
  quietMs?: number;
  ms?: number;
  // app-set, app-seen
  spec?: AppBehaviour;
  from?: 'last';
  // sidecar-start, sidecar-kill
  ready?: boolean;
  readyMs?: number;
  signal?: NodeJS.Signals;
  wait?: boolean;
  // redis
  cmd?: string[];
  fields?: 'stream' | 'list';
  // write-resource, remove-resource
  resource?: JsonRecord;
  file?: string;
}

/** The result of a run. In the recording, `gapsMs` and `tookMs` have one value for each recorded run. */
export type Observation = JsonRecord;

/** One recorded case: its sidecars and apps, its steps, and the behaviour of daprd. */
export interface Case extends Party {
  group: string;
  name: string;
  about: string;
  brokers?: BrokerName[];
  second?: Party;
  steps: Step[];
  /** Steps start the sidecars. */
  manual?: boolean;
  mayNotStart?: boolean;
  readyMs?: number;
  probePath?: string;
  fullHeaders?: boolean;
  /** The deliveries show their header lines, sorted. */
  headerLines?: boolean;
  brief?: boolean;
  raw?: boolean;
  countOnly?: boolean;
  unordered?: boolean;
  startup?: boolean;
  timing?: boolean;
  concurrency?: boolean;
  tolMs?: number;
  observed: { any?: Observation } & Partial<Record<BrokerName, Observation>>;
}

export interface Recording {
  measured: JsonRecord;
  cases: Case[];
}

/** The files of the recording, in this folder. */
export const RECORDING_FILES = ['cases.json', 'building-blocks.json', 'suite.json'];

export const readRecordingFile = (file: string): Recording => JSON.parse(readFileSync(join(__dirname, file), 'utf8'));

/** Returns the cases of all files. */
export const readCases = (): Case[] => RECORDING_FILES.flatMap((file) => readRecordingFile(file).cases);

export const brokersOf = ({ brokers }: Case): readonly BrokerName[] => brokers ?? BROKER_NAMES;

export const observationOf = ({ observed }: Case, broker: BrokerName): Observation | undefined =>
  observed[broker] ?? observed.any;
