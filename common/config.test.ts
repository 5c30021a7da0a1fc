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
    ['APP_PORT', '8080.5', 'a whole number from 1 to 65535'],
    ['APP_PORT', 'http://localhost:8080', 'a whole number from 1 to 65535'],
    ['LISTEN_ADDRESS', 'localhost', '127.0.0.1 (this machine'],
    ['LISTEN_ADDRESS', '::1', '127.0.0.1 (this machine'],
    ['LISTEN_ADDRESS', '10.0.0.5', '127.0.0.1 (this machine'],
    ['PUBSUB_NAME', 'a/b', 'a Dapr component name'],
    ['PUBSUB_NAME', '..', 'a Dapr component name'],
    ['STATESTORE_NAME', 'x'.repeat(254), 'a Dapr component name'],
    ['SHUTDOWN_DELAY_MS', '5s', 'a whole number from 0 to 60000'],
    ['LOG_LEVEL', 'INFO', 'debug, info, warn, error, silent'],
    ['SHUTDOWN_DELAY_MS', '60001', 'a whole number from 0 to 60000'],
    ['LOG_LEVEL', 'loud', 'debug, info, warn, error, silent'],
    ['LOG_FORMAT', 'xml', 'pretty, json'],
  ])('When %s is %j, then the error names the variable, the value and the allowed values', (name, value, allowed) => {
    const read = () => readConfig({ [name]: value }, defaults);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  });

  test.each(['0.0.0.0', '::', '127.0.0.1'])(
    'When LISTEN_ADDRESS is %s, then the sidecar can reach the service',
    (address) => {
      expect(readConfig({ LISTEN_ADDRESS: address }, defaults).listenAddress).toBe(address);
    },
  );

  test.each([{ APP_PORT: '3500' }, { DAPR_HTTP_PORT: '8080' }])(
    'When the service and its sidecar have one port (%j), then the error names both variables',
    (env) => {
      expect(() => readConfig(env, defaults)).toThrow(/^APP_PORT and DAPR_HTTP_PORT are both \d+; allowed: /);
    },
  );

  test.each(['se cret', 'se\ncret', 'sécret', ' ', `se${'x'.repeat(1_023)}cret`])(
    'When a token is %j, then the error does not show it',
    (token) => {
      for (const name of ['DAPR_API_TOKEN', 'APP_API_TOKEN']) {
        const read = () => readConfig({ [name]: token }, defaults);
        expect(read).toThrow(new RegExp(`^${name} is not usable`));
        expect(read).not.toThrow(/cret/);
      }
    },
  );
});
