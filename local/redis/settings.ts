import { availableParallelism } from 'node:os';
import type { Component } from '../resources/component';
import { ResourceError } from '../resources/document';
import { parseDurationMs } from '../resources/duration';

/** The address of a Redis server and how to log in. */
export interface RedisSettings {
  host: string;
  port: number;
  username: string;
  password: string;
  database: number;
  tls: boolean;
  insecureSkipTLSVerify: boolean;
}

/** The settings of a broker on Redis Streams. */
export interface StreamSettings {
  /** After this time, an unfinished message is delivered again. 0: never. */
  processingTimeoutMs: number;
  /** The interval at which the broker looks for unfinished messages. 0: never. */
  redeliverIntervalMs: number;
  /** The number of messages that the broker reads ahead. */
  queueDepth: number;
  /** The concurrency limit for all topics together. */
  maxConcurrent: number;
  /** The approximate length at which Redis trims a stream. 0: no limit. */
  maxLenApprox: number;
  /** The age at which Redis trims entries. 0: no limit. */
  streamTtlMs: number;
  /** The number of connections that daprd would have. This sidecar has a connection for each subscription. */
  poolSize: number;
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
  'poolSize',
];

/**
 * Returns how to reach the Redis server of a component. As in daprd, the server is localhost:6379 if `redisHost` is
 * missing or empty, for example because the variable that its `envRef` names is not set.
 *
 * @throws {ResourceError} for a value that cannot be used
 */
export function readRedisSettings(component: Component): RedisSettings {
  const read = reader(component);
  const address = read.text('redisHost');
  if (address.includes(',')) read.fail('redisHost', 'one address (cluster and sentinel are not supported)');
  const [, host = '', given] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  const port = given === undefined ? read.integer('redisPort', 6379) : Number(given);
  if (!/^(?:[\w.-]*|\[?[\da-f:]+\]?)$/i.test(host))
    read.fail('redisHost', 'host:port, without redis:// and without a user');
  if (port < 1 || port > 65_535) read.fail(given === undefined ? 'redisPort' : 'redisHost', 'a port from 1 to 65535');
  return {
    host: host || 'localhost',
    port,
    username: read.text('redisUsername'),
    password: read.text('redisPassword'),
    database: read.integer('redisDB', 0),
    tls: read.boolean('enableTLS'),
    insecureSkipTLSVerify: read.boolean('insecureSkipTLSVerify'),
  };
}

/** Returns the stream settings of a component, with daprd's defaults. @throws {ResourceError} for an invalid value */
export function readStreamSettings(component: Component): StreamSettings {
  const read = reader(component);
  return {
    processingTimeoutMs: read.duration('processingTimeout', 60_000),
    // daprd accepts only a bare number here. It ignores a string such as "30s" and uses its default.
    redeliverIntervalMs: /^\d+$/.test(read.text('redeliverInterval')) ? read.integer('redeliverInterval', 0) : 15_000,
    queueDepth: read.integer('queueDepth', 100),
    maxConcurrent: read.integer('concurrency', 10),
    maxLenApprox: read.integer('maxLenApprox', 0),
    streamTtlMs: read.duration('streamTTL', 0),
    // The default of daprd's client.
    poolSize: read.integer('poolSize', 0) || 10 * availableParallelism(),
  };
}

/** Returns the default time to live of a store's values, in seconds; undefined if they live forever. */
export function readStoreTtl(component: Component): number | undefined {
  const read = reader(component);
  return read.text('ttlInSeconds') === '' ? undefined : read.integer('ttlInSeconds', 0);
}

function reader({ file, name, metadata }: Component) {
  const byName = new Map([...metadata].map(([key, value]) => [key.toLowerCase(), value]));
  const text = (key: string) => byName.get(key.toLowerCase()) ?? '';
  const fail = (key: string, allowed: string): never => {
    // A URL may have a password before its host.
    const shown = text(key).includes('@') ? 'not usable (the value is not shown)' : JSON.stringify(text(key));
    throw new ResourceError(`${file}: component ${name}: metadata ${key} is ${shown}; allowed: ${allowed}`);
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
