import { expect, test } from 'vitest';
import type { Component } from '../resources/component';
import { readRedisSettings } from './settings';

const component = (metadata: Record<string, string>): Component => ({
  ...{
    file: 'a.yaml',
    name: 'pubsub',
    type: 'pubsub.redis',
    version: 'v1',
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
