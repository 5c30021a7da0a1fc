import { expect, test } from 'vitest';
import { appFromFlags } from './app-spec';
import { parseFlags, UsageError } from './flags';

test('When flags are given as with dapr run, then they are read, and the command after them', () => {
  const args =
    '--app-id email -p 8081 --dapr-http-port=3501 --resources-path a,b --resources-path c -- node app.js --port 1';
  expect(parseFlags(args.split(' '))).toEqual({
    flags: { 'app-id': 'email', 'app-port': 8081, 'dapr-http-port': 3501, 'resources-path': ['a', 'b', 'c'] },
    command: ['node', 'app.js', '--port', '1'],
  });
});

test('When there is no --, then the first word that is no flag begins the command', () => {
  expect(parseFlags(['--app-id', 'a', 'node', '--watch', 'x.js'])).toMatchObject({
    command: ['node', '--watch', 'x.js'],
  });
});

test('When a value is empty, then it is taken, as for a placement that is switched off', () => {
  expect(parseFlags(['--placement-host-address', '', '--enable-metrics=false', 'cmd']).command).toEqual(['cmd']);
});

test.each([
  [['--no-such-flag', 'x'], 'unknown flag: --no-such-flag'],
  [['--app-port', 'abc'], '--app-port is "abc"; allowed: a whole number'],
  [['--app-id'], 'flag needs a value: --app-id'],
  [['--enable-metrics=maybe'], '--enable-metrics is "maybe"; allowed: true, false'],
])('When the arguments are %j, then the error says what is wrong', (args, message) => {
  expect(() => parseFlags(args)).toThrow(new UsageError(message));
});

test('When flags make an app, then its sidecar has what they say and nothing else', () => {
  const line = parseFlags(
    '-a email -p 0 -H 3501 --max-body-size 8Mi --dapr-listen-addresses 0.0.0.0 -- node x'.split(' '),
  );
  expect(appFromFlags(line)).toMatchObject({
    sidecar: {
      appId: 'email',
      httpPort: 3501,
      maxBodyBytes: 8 * 1024 * 1024,
      listenAddress: '0.0.0.0',
      resourcesPaths: [],
    },
    command: ['node', 'x'],
  });
  expect(appFromFlags(line).sidecar).not.toHaveProperty('appPort');
});

test.each([
  ['--app-protocol grpc', 'app: app-protocol is "grpc"; allowed: http'],
  ['--app-port 70000', 'app: app-port is "70000"; allowed: a port from 1 to 65535'],
  ['--dapr-listen-addresses here', 'app: dapr-listen-addresses is "here"; allowed: an IP address'],
  ['--max-body-size big', 'app: max-body-size is "big"; allowed: a size such as 4Mi'],
])('When something is asked for that is not supported (%s), then the error says what is', (args, message) => {
  expect(() => appFromFlags(parseFlags(args.split(' ')))).toThrow(new UsageError(message));
});
