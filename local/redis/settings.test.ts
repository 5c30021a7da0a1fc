import { expect, test } from 'vitest';
import type { Component } from '../resources/component';
import { readRedisSettings } from './settings';

const component = (metadata: Record<string, string>): Component => ({
  ...{
    file: 'a.yaml',
    name: 'pubsub',
    type: 'pubsub.redis',
    version: 'v1',
    secretNames: new Map(),
    secretStore: '',
    topicPrefix: '',
    scopes: [],
    ignoreErrors: false,
  },
  metadata: new Map(Object.entries(metadata)),
});

test.each([
  ['missing', {}],
  ['empty', { redisHost: '' }],
])('When redisHost is %s, then the server is localhost:6379, as with daprd', (_, metadata) => {
  expect(readRedisSettings(component(metadata))).toMatchObject({ host: 'localhost', port: 6379 });
});

test.each([
  ['redis:6380', 'redis', 6380],
  ['redis', 'redis', 6379],
])('When redisHost is %s, then the server is %s on port %d', (redisHost, host, port) => {
  expect(readRedisSettings(component({ redisHost }))).toMatchObject({ host, port });
});

test('When redisHost is a list of addresses, then the error names the field and the limit', () => {
  expect(() => readRedisSettings(component({ redisHost: 'a:1,b:2' }))).toThrow(
    'a.yaml: component pubsub: metadata redisHost is "a:1,b:2"; allowed: one address',
  );
});

test.each(['redis://localhost:6379', 'local host', 'redis:0', 'redis:65536', 'redis:6379/0'])(
  'When redisHost is %j, then the error names the field, the value and what is allowed',
  (redisHost) => {
    expect(() => readRedisSettings(component({ redisHost }))).toThrow(
      `a.yaml: component pubsub: metadata redisHost is ${JSON.stringify(redisHost)}; allowed: `,
    );
  },
);

test('When redisHost has a user, then the error does not show the value', () => {
  const read = () => readRedisSettings(component({ redisHost: 'redis://:secret@redis:6379' }));
  expect(read).toThrow('metadata redisHost is not usable (the value is not shown); allowed: host:port');
  expect(read).not.toThrow(/secret/);
});

test('When redisPort is not a port, then the error names it', () => {
  expect(() => readRedisSettings(component({ redisHost: 'redis', redisPort: '0' }))).toThrow('redisPort is "0"');
});
