import { expect, test } from 'vitest';
import { readArguments, USAGE, UsageError } from './usage';

const service = 'email-notification-service';

test.each([
  [[service], { kind: 'replay' }],
  [[service, '--list'], { kind: 'list' }],
  [['--list', service], { kind: 'list' }],
  [[service, '--discard', 'event-1'], { kind: 'discard', id: 'event-1', confirmed: false }],
  [[service, '--discard=event-1', '--yes'], { kind: 'discard', id: 'event-1', confirmed: true }],
])('When the arguments are %j, then the task is %j', (args, task) => {
  expect(readArguments(args)).toEqual({ service, task });
});

test.each([
  [[], 'no service is named'],
  [[service, 'push-notification-service'], `more than one service is named: ${service} push-notification-service`],
  [['../x'], '"../x" is not an app id; allowed: letters, digits and "-"'],
  [[service, '--all'], "Unknown option '--all'"],
  [[service, '--list', '--discard', 'a'], '--list and --discard exclude each other'],
  [[service, '--yes'], '--yes is allowed with --discard only'],
  [[service, '--discard', ''], '--discard needs the id of an event'],
])('When the arguments are %j, then the error says what is wrong and what is allowed', (args, reason) => {
  expect(() => readArguments(args)).toThrow(UsageError);
  expect(() => readArguments(args)).toThrow(reason);
  expect(() => readArguments(args)).toThrow(USAGE);
});
