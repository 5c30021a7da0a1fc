import { expect, test } from 'vitest';
import { PermanentFailure } from '../common/dapr/subscription';
import { smtpFailure } from './smtp-failure';

const error = (code: string, responseCode?: number) =>
  Object.assign(new Error('why'), { code, ...(responseCode !== undefined && { responseCode }) });

test.each([
  ['ECONNECTION', undefined],
  ['ETIMEDOUT', undefined],
  ['ESOCKET', undefined],
  ['EDNS', undefined],
  ['ETLS', undefined],
  ['EPROTOCOL', 421],
  ['EENVELOPE', 450],
  ['EMESSAGE', 451],
  ['EAUTH', 454],
])('When a mail fails with %s and the reply %s, then the failure is temporary', (code, responseCode) => {
  expect(smtpFailure(error(code, responseCode))).not.toBeInstanceOf(PermanentFailure);
});

test.each([
  ['EENVELOPE', undefined],
  ['EMESSAGE', undefined],
  ['EAUTH', 535],
  ['EENVELOPE', 550],
  ['EMESSAGE', 554],
  ['EMESSAGE', 599],
])('When a mail fails with %s and the reply %s, then the failure is permanent', (code, responseCode) => {
  const failure = smtpFailure(error(code, responseCode));
  expect(failure).toBeInstanceOf(PermanentFailure);
  expect(failure.message).toBe('e-mail: why');
});

test('When the server answers with line breaks and control characters, then the error message is one short line without them', () => {
  const { message } = smtpFailure(new Error(`550 no\r\n\u001b[2J${'x'.repeat(1_000)}`));
  expect(message).toMatch(/^e-mail: 550 no [^\p{Cc}]{1,300}$/u);
});
