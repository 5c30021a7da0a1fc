import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, expect, test } from 'vitest';
import { PermanentFailure } from '../common/dapr/subscription';
import { cleanUp, cleanUps, closeAll, failure, mails, refusal, sender, startServer } from './testing/mail-server';

const follow = { follower: 'alice', followee: 'bob' };
const waiting = new AbortController().signal;

afterEach(cleanUp);

const endings: [string, SMTPServerOptions, RegExp][] = [
  [
    'MAIL',
    { onMailFrom: (_a, _s, done) => done(mails.length > 0 ? refusal(421, 'shutting down') : undefined) },
    /421 shutting down/,
  ],
  [
    'RCPT',
    { onRcptTo: (_a, _s, done) => done(mails.length > 0 ? refusal(421, 'shutting down') : undefined) },
    /421 shutting down/,
  ],
];
test.each(endings)(
  'When the server ends a connection with 421 to %s, after it has accepted a mail, then the error has its reply',
  async (_, options, reply) => {
    const { sendEmail } = await startServer(options);
    await sendEmail(follow, 'event-1', waiting);
    for (const id of ['event-2', 'event-3']) {
      const error = await failure(sendEmail(follow, id, waiting));
      expect(error).not.toBeInstanceOf(PermanentFailure);
      expect(error.message).toMatch(reply);
    }
  },
);

test('When the server closes a connection, after it has accepted a mail, or before its greeting, then the error says so', async () => {
  let isClosing = false;
  const { sendEmail, server } = await startServer({
    onMailFrom: (_address, _session, done) => {
      if (isClosing) closeAll(server);
      else done();
    },
  });
  await sendEmail(follow, 'event-1', waiting);
  isClosing = true;
  expect((await failure(sendEmail(follow, 'event-2', waiting))).message).toBe('e-mail: Connection closed unexpectedly');

  const silent = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  cleanUps.push(() => silent.close());
  const other = sender(`smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  expect((await failure(other.sendEmail(follow, 'event-3', waiting))).message).toBe(
    'e-mail: the server has closed the connection before the mail was sent',
  );
});

test('When the server closes the connection before its reply, then the sender does not send the mail again', async () => {
  let received = 0;
  const { sendEmail, server } = await startServer({
    onData: (stream) => {
      stream.resume().on('end', () => {
        received += 1;
        closeAll(server);
      });
    },
  });
  expect(await failure(sendEmail(follow, 'event-1', waiting))).not.toBeInstanceOf(PermanentFailure);
  expect(received).toBe(1);
});
