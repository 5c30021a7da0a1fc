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
  /** No answer at all. */
  hang?: boolean;
  /** The connection is closed instead. */
  destroy?: boolean;
  /** What was asked, as JSON. */
  echo?: boolean;
  /** A status for each entry of a bulk delivery, by index; `*`: the rest; `OMIT`: left out. */
  bulk?: Record<string, string>;
}

export interface AppBehaviour {
  subscribe?: Json[] | AppAnswer;
  config?: AppAnswer;
  /** By path; of a list the n-th answer is for the n-th request, and the last for all that follow. */
  routes?: Record<string, AppAnswer | AppAnswer[]>;
}

export interface Party {
  appId?: string;
  resources?: JsonRecord[];
  config?: JsonRecord;
  flags?: string[];
  apiToken?: string;
  appToken?: string;
  app?: AppBehaviour | null;
  /** The app is started by a step. */
  appLate?: boolean;
}

export interface Step {
  do: string;
  via?: 'second';
  label?: string;
  // request, background, burst
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  json?: Json;
  text?: string;
  base64?: string;
  fill?: number;
  host?: string;
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
  // write-resource
  resource?: JsonRecord;
}

/** What a run showed; `gapsMs` and `tookMs` hold one value for each recorded run. */
export type Observation = JsonRecord;

/** One recorded scenario. The fields are described in README.md beside this file. */
export interface Case extends Party {
  group: string;
  name: string;
  about: string;
  brokers?: BrokerName[];
  second?: Party;
  steps: Step[];
  /** The sidecars are started by steps. */
  manual?: boolean;
  mayNotStart?: boolean;
  readyMs?: number;
  probePath?: string;
  fullHeaders?: boolean;
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

export const RECORDING_FILE = join(__dirname, 'cases.json');

export const readRecording = (file = RECORDING_FILE): Recording => JSON.parse(readFileSync(file, 'utf8'));

export const brokersOf = ({ brokers }: Case): readonly BrokerName[] => brokers ?? BROKER_NAMES;

export const observationOf = ({ observed }: Case, broker: BrokerName): Observation | undefined =>
  observed[broker] ?? observed.any;
