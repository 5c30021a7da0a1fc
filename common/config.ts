/** The process environment, or a test's substitute. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable has a value that is not allowed. The message is one line: the variable, the value and the allowed values. */
export class ConfigError extends Error {}

/** The allowed values of a variable. `secret` keeps a value out of the error message. */
export interface Rule<T> {
  allowed: string;
  parse: (text: string) => T | undefined;
  secret?: boolean | ((text: string) => boolean);
}

/** Returns the rule of a whole number in a range, both ends included. */
export const wholeNumber = (min: number, max: number): Rule<number> => ({
  allowed: `a whole number from ${min} to ${max}`,
  parse: (text) => (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
});

/** Returns the rule of a word from a list. */
export const oneOf = <T extends string>(...choices: readonly T[]): Rule<T> => ({
  allowed: choices.join(', '),
  parse: (text) => choices.find((choice) => choice === text),
});

const port = wholeNumber(1, 65535);

// The sidecar calls the service on 127.0.0.1. On any other single address, the service would never be ready.
const listenAddress: Rule<string> = {
  allowed: '127.0.0.1 (this machine, container or pod), or 0.0.0.0 or :: (every IP address of it)',
  parse: (text) => ['127.0.0.1', '0.0.0.0', '::'].find((address) => address === text),
};

const componentName: Rule<string> = {
  allowed: 'a Dapr component name: up to 253 of A-Z, a-z, 0-9, ".", "_" and "-", the first not "." or "-"',
  parse: (text) => (/^\w[\w.-]{0,252}$/.test(text) ? text : undefined),
};

/** The rule of a token that is sent in a header. daprd refuses requests with more than 4 KiB of headers. */
export const token: Rule<string> = {
  allowed: '1 to 1024 visible ASCII characters without spaces',
  parse: (text) => (/^[\x21-\x7e]{1,1024}$/.test(text) ? text : undefined),
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
  const isSecret = typeof rule.secret === 'function' ? rule.secret(text) : rule.secret;
  const shown = isSecret ? 'not usable (the value is not shown)' : JSON.stringify(text);
  throw new ConfigError(`${name} is ${shown}; allowed: ${rule.allowed}`);
}

/** A log for people or for programs. */
export type LogFormat = 'pretty' | 'json';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** The least important level that is logged. */
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
  const config = {
    appPort: variable(env, 'APP_PORT', port, defaults.appPort),
    listenAddress: variable(env, 'LISTEN_ADDRESS', listenAddress, '127.0.0.1'),
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
  // The service would ask itself whether its sidecar is ready.
  if (config.appPort === config.daprHttpPort)
    throw new ConfigError(`APP_PORT and DAPR_HTTP_PORT are both ${config.appPort}; allowed: two different ports`);
  return config;
}
