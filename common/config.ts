import { isIP } from 'node:net';

/** The process environment, or a test's substitute. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable has a value that is not allowed. The message is one line: the variable, the value and the allowed values. */
export class ConfigError extends Error {}

/** Returns undefined when the text is not a URL. */
export const parseUrl = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

/** Whether a URL's host is this machine. Such a request needs no proxy and no encryption. */
export const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** The allowed values of a variable. `secret` keeps the value out of the error message. */
export interface Rule<T> {
  allowed: string;
  parse: (text: string) => T | undefined;
  secret?: boolean;
}

export const wholeNumber = (min: number, max: number): Rule<number> => ({
  allowed: `a whole number from ${min} to ${max}`,
  parse: (text) => (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
});

export const oneOf = <T extends string>(...choices: readonly T[]): Rule<T> => ({
  allowed: choices.join(', '),
  parse: (text) => choices.find((choice) => choice === text),
});

const port = wholeNumber(1, 65535);

const ipAddress: Rule<string> = {
  allowed: 'an IP address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them',
  parse: (text) => (isIP(text) ? text : undefined),
};

const componentName: Rule<string> = {
  allowed: 'a Dapr component name: letters, digits, ".", "_" and "-"',
  parse: (text) => (/^[\w.-]+$/.test(text) ? text : undefined),
};

export const token: Rule<string> = {
  allowed: 'visible ASCII characters without spaces',
  parse: (text) => (/^[\x21-\x7e]+$/.test(text) ? text : undefined),
  secret: true,
};

/**
 * Returns the value of one variable. An empty variable counts as not set, because `${NAME:-}` in docker-compose.yml
 * yields an empty value.
 *
 * @throws {ConfigError} when the value is not allowed
 */
export function variable<T, F>(env: Environment, name: string, rule: Rule<T>, fallback: F): T | F {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = rule.parse(text);
  if (value !== undefined) return value;
  const shown = rule.secret ? 'not usable (the value is not shown)' : JSON.stringify(text);
  throw new ConfigError(`${name} is ${shown}; allowed: ${rule.allowed}`);
}

export type LogFormat = 'pretty' | 'json';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Defaults that differ between programs. */
export interface Defaults {
  appPort: number;
  logLevel?: LogLevel;
}

/** The configuration that every service has. `APP_PORT`, `DAPR_HTTP_PORT` and the tokens have Dapr's own names. */
export interface Config {
  appPort: number;
  /** Loopback, unless a client outside this machine, container or pod must reach the service. */
  listenAddress: string;
  daprHttpPort: number;
  daprApiToken: string | undefined;
  appApiToken: string | undefined;
  pubsubName: string;
  stateStoreName: string;
  /** When it is more than one, Dapr delivers events in batches. */
  eventsPerDelivery: number;
  /** How long the service still answers requests after a stop signal, so that a load balancer sees that it is not ready. */
  shutdownDelayMs: number;
  logLevel: LogLevel;
  /** When undefined, the log is pretty on a terminal and JSON elsewhere. */
  logFormat: LogFormat | undefined;
}

/**
 * Returns the configuration that every service has, from its variables.
 *
 * @throws {ConfigError} for the first variable whose value is not allowed
 */
export function readConfig(env: Environment, defaults: Defaults): Config {
  return {
    appPort: variable(env, 'APP_PORT', port, defaults.appPort),
    listenAddress: variable(env, 'LISTEN_ADDRESS', ipAddress, '127.0.0.1'),
    daprHttpPort: variable(env, 'DAPR_HTTP_PORT', port, 3500),
    daprApiToken: variable(env, 'DAPR_API_TOKEN', token, undefined),
    appApiToken: variable(env, 'APP_API_TOKEN', token, undefined),
    pubsubName: variable(env, 'PUBSUB_NAME', componentName, 'pubsub'),
    stateStoreName: variable(env, 'STATESTORE_NAME', componentName, 'statestore'),
    eventsPerDelivery: variable(env, 'EVENTS_PER_DELIVERY', wholeNumber(1, 1_000), 1),
    shutdownDelayMs: variable(env, 'SHUTDOWN_DELAY_MS', wholeNumber(0, 60_000), 0),
    logLevel: variable(env, 'LOG_LEVEL', oneOf(...LOG_LEVELS), defaults.logLevel ?? 'info'),
    logFormat: variable(env, 'LOG_FORMAT', oneOf('pretty', 'json'), undefined),
  };
}
