import { expect, test } from 'vitest';
import { readPushConfig } from './config';

test('When no variable is set, then messages go to this machine', () => {
  expect(readPushConfig({})).toEqual({
    pushUrl: 'http://127.0.0.1:8090',
    topicPrefix: 'followers-',
    token: undefined,
  });
});

test('When the variables are set, then the configuration has their values', () => {
  const env = { PUSH_URL: 'https://push.example.com', PUSH_TOPIC_PREFIX: 'x_', PUSH_TOKEN: 'tk_1' };
  expect(readPushConfig(env)).toEqual({ pushUrl: env.PUSH_URL, topicPrefix: 'x_', token: 'tk_1' });
});

test.each([
  ['PUSH_URL', 'ftp://host', 'http://host:port or https://host:port, without a user or a query'],
  ['PUSH_URL', 'http://host?topic=x', 'http://host:port or https://host:port, without a user or a query'],
  ['PUSH_TOPIC_PREFIX', 'a/b', 'up to 32 letters, digits, "_" and "-"'],
  ['PUSH_TOPIC_PREFIX', 'x'.repeat(33), 'up to 32 letters, digits, "_" and "-"'],
])('When %s is %j, then the error names the variable, the value and the allowed values', (name, value, allowed) => {
  expect(() => readPushConfig({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
});

test('When PUSH_TOKEN is invalid, then the error does not show it', () => {
  expect(() => readPushConfig({ PUSH_TOKEN: 'se cret' })).toThrow(
    /^PUSH_TOKEN is not usable \(the value is not shown\)/,
  );
});
