import { expect, test } from 'vitest';
import { readArguments, UsageError } from './usage';

test('When a service is named, then it is that one, and --list may stand before or after it', () => {
  const service = 'email-notification-service';
  expect(readArguments([service])).toEqual({ service, listOnly: false });
  expect(readArguments([service, '--list'])).toEqual({ service, listOnly: true });
  expect(readArguments(['--list', service])).toEqual({ service, listOnly: true });
});

test.each([
  [[], 'no service is named'],
  [['api-facade'], 'not understood: api-facade'],
  [['push-notification-service', '--all'], 'not understood: push-notification-service --all'],
])('When the arguments are %j, then the error says what is allowed', (args, start) => {
  expect(() => readArguments(args)).toThrow(UsageError);
  expect(() => readArguments(args)).toThrow(
    `${start}; give one service: email-notification-service or push-notification-service, and --list to look only`,
  );
});
