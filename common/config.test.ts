import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config';

const defaults = { appPort: 8080 };

describe('readConfig', () => {
  test('When no variable is set, then each has its default', () => {
    expect(readConfig({}, defaults)).toEqual({
      appPort: 8080,
      listenAddress: '127.0.0.1',
      daprHttpPort: 3500,
      daprApiToken: undefined,
      appApiToken: undefined,
      pubsubName: 'pubsub',
      stateStoreName: 'statestore',
      eventsPerDelivery: 1,
      shutdownDelayMs: 0,
      logLevel: 'info',
      logFormat: undefined,
    });
  });

  test('When Dapr sets its variables, then the configuration has their values', () => {
    const env = {
      APP_PORT: '9000',
      DAPR_HTTP_PORT: '3501',
      DAPR_API_TOKEN: 'a',
      APP_API_TOKEN: 'b',
      PUBSUB_NAME: 'kafka',
    };
    const expected = { appPort: 9000, daprHttpPort: 3501, daprApiToken: 'a', appApiToken: 'b', pubsubName: 'kafka' };
    expect(readConfig(env, defaults)).toMatchObject(expected);
  });

  test('When a variable is empty, then it counts as not set', () => {
    expect(readConfig({ APP_PORT: '', LOG_FORMAT: '' }, defaults)).toMatchObject({
      appPort: 8080,
      logFormat: undefined,
    });
  });

  test.each([
    ['APP_PORT', 'abc', 'a whole number from 1 to 65535'],
    ['APP_PORT', '0', 'a whole number from 1 to 65535'],
    ['APP_PORT', '65536', 'a whole number from 1 to 65535'],
    ['APP_PORT', '80 ', 'a whole number from 1 to 65535'],
    ['DAPR_HTTP_PORT', '-1', 'a whole number from 1 to 65535'],
    ['LISTEN_ADDRESS', 'localhost', 'an IP address'],
    ['PUBSUB_NAME', 'a/b', 'a Dapr component name'],
    ['SHUTDOWN_DELAY_MS', '60001', 'a whole number from 0 to 60000'],
    ['LOG_LEVEL', 'loud', 'debug, info, warn, error, silent'],
    ['LOG_FORMAT', 'xml', 'pretty, json'],
  ])('When %s is %j, then the error names the variable, the value and the allowed values', (name, value, allowed) => {
    const read = () => readConfig({ [name]: value }, defaults);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  });

  test('When a token is invalid, then the error does not show it', () => {
    const read = () => readConfig({ DAPR_API_TOKEN: 'se cret' }, defaults);
    expect(read).toThrow(/^DAPR_API_TOKEN is not usable/);
    expect(read).not.toThrow(/cret/);
  });
});
