import { expect, test } from 'vitest';
import { UsageError } from '../usage-error';
import { appFromFlags } from './app-spec';
import { parseFlags } from './flags';

test('When the arguments have the form of dapr run, then the flags and the command after them are read', () => {
  const args =
    '--app-id email -p 8081 --dapr-http-port=3501 --resources-path a,b --resources-path c -- node app.js --port 1';
  expect(parseFlags(args.split(' '))).toEqual({
    flags: { 'app-id': 'email', 'app-port': 8081, 'dapr-http-port': 3501, 'resources-path': ['a', 'b', 'c'] },
    command: ['node', 'app.js', '--port', '1'],
  });
});

test('When there is no --, then the command starts with the first argument that is not a flag', () => {
  expect(parseFlags(['--app-id', 'a', 'node', '--watch', 'x.js'])).toMatchObject({
    command: ['node', '--watch', 'x.js'],
  });
});

test('When the value of a flag is an empty argument, then it is accepted', () => {
  expect(parseFlags(['--placement-host-address', '', '--enable-metrics=false', 'cmd']).command).toEqual(['cmd']);
});

test.each([
  [['--no-such-flag', 'x'], 'unknown flag: --no-such-flag'],
  [['--app-port', 'abc'], '--app-port is "abc"; allowed: a whole number'],
  [['--app-id'], 'flag needs a value: --app-id'],
  [['--enable-metrics=maybe'], '--enable-metrics is "maybe"; allowed: true, false'],
])('When the arguments are %j, then the error names the wrong argument', (args, message) => {
  expect(() => parseFlags(args)).toThrow(new UsageError(message));
});

test('When an app is created from flags, then its sidecar has only the options of the flags', () => {
  const line = parseFlags(
    '-a email -p 0 -H 3501 --max-body-size 8Mi --dapr-listen-addresses 0.0.0.0 -- node x'.split(' '),
  );
  expect(appFromFlags(line)).toMatchObject({
    sidecar: {
      appId: 'email',
      httpPort: 3501,
      maxBodyBytes: 8 * 1024 * 1024,
      listenAddresses: ['0.0.0.0'],
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
])('When a value is not supported (%s), then the error names the allowed values', (args, message) => {
  expect(() => appFromFlags(parseFlags(args.split(' ')))).toThrow(new UsageError(message));
});
