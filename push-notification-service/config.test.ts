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
  ...[
    'ftp://host',
    'host:8090',
    'http://',
    'http://host/followers-bob',
    'http://host//',
    'http://host/x/..',
    'http://host\\followers-bob',
    'http://host#x',
    'http://host/#',
    'http://host:0',
    'http://host:99999',
    'http://8090',
    'http://256.0.0.1',
    'http://ho%73t',
    'http://host name',
    'http://host\n',
    ' http://host',
    'http:host',
  ].map((value) => ['PUSH_URL', value, 'http://host:port or https://host:port, without a path (a topic)']),
  ['PUSH_TOPIC_PREFIX', 'a/b', '1 to 32 of A-Z, a-z, 0-9, "_" and "-"'],
  ['PUSH_TOPIC_PREFIX', 'x'.repeat(33), '1 to 32 of A-Z, a-z, 0-9, "_" and "-"'],
  ['PUSH_TOPIC_PREFIX', '太郎', '1 to 32 of A-Z, a-z, 0-9, "_" and "-"'],
])('When %s is %j, then the error names the variable, the value and the allowed values', (name, value, allowed) => {
  expect(() => readPushConfig({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
});

test.each(['https://me:secret@host', 'http://secret@host', 'https://ntfy.sh?auth=secret', 'http://host/?'])(
  'When PUSH_URL is %j, then the error does not show the secret',
  (value) => {
    expect(() => readPushConfig({ PUSH_URL: value })).toThrow(
      /^PUSH_URL is not usable \(the value is not shown\); allowed: http:/,
    );
  },
);

test.each([
  ['http://ntfy', 'http://ntfy'],
  ['https://ntfy.sh/', 'https://ntfy.sh'],
  ['HTTP://NTFY:80', 'http://ntfy'],
  ['http://[::1]:8090', 'http://[::1]:8090'],
  ['http://[0:0:0:0:0:0:0:1]:8090', 'http://[::1]:8090'],
  ['http://[::ffff:127.0.0.1]:8090', 'http://[::ffff:7f00:1]:8090'],
])('When PUSH_URL is %j, then messages go to %j', (value, expected) => {
  expect(readPushConfig({ PUSH_URL: value }).pushUrl).toBe(expected);
});

test('When PUSH_TOKEN is invalid, then the error does not show it', () => {
  expect(() => readPushConfig({ PUSH_TOKEN: 'se cret' })).toThrow(
    /^PUSH_TOKEN is not usable \(the value is not shown\)/,
  );
});
