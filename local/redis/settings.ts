import type { Component } from '../resources/component';
import { ResourceError } from '../resources/document';
import { parseDurationMs } from '../resources/duration';

/** How to reach a Redis server. */
export interface RedisSettings {
  host: string;
  port: number;
  username: string;
  password: string;
  database: number;
  tls: boolean;
  insecureSkipTLSVerify: boolean;
}

/** What makes a Redis server a message broker. */
export interface StreamSettings {
  /** After this long an unfinished message is delivered again. 0: never. */
  processingTimeoutMs: number;
  /** How often unfinished messages are looked for. 0: never. */
  redeliverIntervalMs: number;
  /** Messages that are read ahead. */
  queueDepth: number;
  /** Messages that are worked on at a time, whatever their topic. */
  concurrency: number;
  /** 0: a stream is never shortened. */
  maxLenApprox: number;
  /** 0: entries never grow too old. */
  streamTtlMs: number;
}

export const CONNECTION_METADATA = [
  'redisHost',
  'redisPort',
  'redisUsername',
  'redisPassword',
  'redisDB',
  'enableTLS',
  'insecureSkipTLSVerify',
];
export const STREAM_METADATA = [
  'processingTimeout',
  'redeliverInterval',
  'queueDepth',
  'concurrency',
  'maxLenApprox',
  'streamTTL',
];

/** @throws {ResourceError} for a value that cannot be used */
export function readRedisSettings(component: Component): RedisSettings {
  const read = reader(component);
  const address = read.text('redisHost');
  if (address === '') read.fail('redisHost', 'an address such as localhost:6379');
  if (address.includes(',')) read.fail('redisHost', 'one address: there is no cluster and no sentinel here');
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  return {
    host: host || 'localhost',
    port: port === undefined ? read.integer('redisPort', 6379) : Number(port),
    username: read.text('redisUsername'),
    password: read.text('redisPassword'),
    database: read.integer('redisDB', 0),
    tls: read.boolean('enableTLS'),
    insecureSkipTLSVerify: read.boolean('insecureSkipTLSVerify'),
  };
}

/** Dapr's defaults. @throws {ResourceError} for a value that cannot be used */
export function readStreamSettings(component: Component): StreamSettings {
  const read = reader(component);
  return {
    processingTimeoutMs: read.duration('processingTimeout', 60_000),
    // Dapr takes only a bare number here: a text such as "30s" leaves it at its default.
    redeliverIntervalMs: /^\d+$/.test(read.text('redeliverInterval')) ? read.integer('redeliverInterval', 0) : 15_000,
    queueDepth: read.integer('queueDepth', 100),
    concurrency: read.integer('concurrency', 10),
    maxLenApprox: read.integer('maxLenApprox', 0),
    streamTtlMs: read.duration('streamTTL', 0),
  };
}

/** Seconds that every value of a state store lives, unless it says otherwise. Undefined: for ever. */
export function readStoreTtl(component: Component): number | undefined {
  const read = reader(component);
  return read.text('ttlInSeconds') === '' ? undefined : read.integer('ttlInSeconds', 0);
}

function reader({ file, name, metadata }: Component) {
  const byName = new Map([...metadata].map(([key, value]) => [key.toLowerCase(), value]));
  const text = (key: string) => byName.get(key.toLowerCase()) ?? '';
  const fail = (key: string, allowed: string): never => {
    throw new ResourceError(
      `${file}: component ${name}: metadata ${key} is ${JSON.stringify(text(key))}; allowed: ${allowed}`,
    );
  };
  return {
    text,
    fail,
    integer(key: string, fallback: number): number {
      const value = text(key);
      if (value === '') return fallback;
      return /^-?\d{1,15}$/.test(value) ? Number(value) : fail(key, 'a whole number');
    },
    boolean(key: string): boolean {
      const value = text(key).toLowerCase();
      return ['1', 't', 'true', 'y', 'yes', 'on'].includes(value);
    },
    duration(key: string, fallback: number): number {
      const value = text(key);
      if (value === '') return fallback;
      return parseDurationMs(value) ?? fail(key, 'milliseconds, or a duration such as 30s');
    },
  };
}
