import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { PermanentFailure } from '../common/dapr/subscription';
import {
  cleanUp,
  cleanUps,
  connections,
  failure,
  lines,
  mails,
  refusal,
  sender,
  startServer,
} from './testing/mail-server';

const follow = { follower: 'alice', followee: 'bob' };
const waiting = new AbortController().signal;

afterEach(cleanUp);

describe('a mail', () => {
  test('When a follow is sent, then the followee gets a mail in text and HTML with the name of the follower', async () => {
    const { sendEmail } = await startServer();
    await sendEmail(follow, 'event-1', waiting);
    const [mail] = mails;
    expect(mail).toMatchObject({ subject: 'alice follows you', text: 'Hello bob,\n\nalice follows you now.\n' });
    expect(mail?.from?.text).toBe('"Followers" <followers@example.test>');
    expect(mail?.to).toMatchObject({ text: '"bob" <bob@example.test>' });
    expect(mail?.html).toContain('<b>alice</b> follows you now.');
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(lines).toContainEqual(
      expect.objectContaining({ eventId: 'event-1', msg: 'notified bob by e-mail: alice follows you' }),
    );
  });

  test('When the same event is sent again, then the mail has the same Message-ID; the mail of another event has another Message-ID', async () => {
    const { sendEmail } = await startServer();
    await sendEmail(follow, 'event-1', waiting);
    await sendEmail(follow, 'event-1', waiting);
    await sendEmail(follow, 'event-2', waiting);
    expect(mails.map(({ messageId }) => messageId)).toEqual([
      '<event-1.email-notification-service@example.test>',
      '<event-1.email-notification-service@example.test>',
      '<event-2.email-notification-service@example.test>',
    ]);
  });

  test('When the event id and the names have line breaks and markup, then the mail has no extra header and no extra tag', async () => {
    const { sendEmail } = await startServer();
    await sendEmail({ follower: 'a\r\nBcc: eve@example.test\r\n\r\n<i>', followee: 'bob' }, 'x>\r\nX-Evil: 1', waiting);
    const [mail] = mails;
    expect(mail?.subject).toContain('Bcc: eve@example.test');
    expect(mail?.headers.has('bcc')).toBe(false);
    expect(mail?.headers.has('x-evil')).toBe(false);
    expect(mail?.messageId).toMatch(/^<[0-9a-f]{64}\.email-notification-service@example\.test>$/);
    expect(mail?.html).toContain('&#60;i&#62;');
    expect(mail?.html).not.toContain('<i>');
  });

  test('When several mails are sent in sequence, then they use one connection', async () => {
    const { sendEmail } = await startServer();
    for (let i = 0; i < 5; i += 1) await sendEmail(follow, `event-${i}`, waiting);
    expect(mails).toHaveLength(5);
    expect(connections.count).toBe(1);
  });
});

describe('failures', () => {
  test.each([
    ['the sender with 451', { onMailFrom: (_a, _s, done) => done(refusal(451)) }, false],
    ['the recipient with 450', { onRcptTo: (_a, _s, done) => done(refusal(450)) }, false],
    ['the recipient with 550', { onRcptTo: (_a, _s, done) => done(refusal(550)) }, true],
    ['the mail with 554', { onData: (stream, _s, done) => stream.resume().on('end', () => done(refusal(554))) }, true],
    ['the mail with 452', { onData: (stream, _s, done) => stream.resume().on('end', () => done(refusal(452))) }, false],
    ['the connection with 421', { onConnect: (_s, done) => done(refusal(421)) }, false],
  ] as [string, SMTPServerOptions, boolean][])(
    'When the server refuses %s, then the failure is permanent: %3$s',
    async (_, options, permanent) => {
      const { sendEmail } = await startServer(options);
      expect((await failure(sendEmail(follow, 'event-1', waiting))) instanceof PermanentFailure).toBe(permanent);
      expect(lines).toEqual([]);
    },
  );

  test('When the server refuses one mail, then the next mail is still sent', async () => {
    let first = true;
    const { sendEmail } = await startServer({
      onRcptTo: (_address, _session, done) => {
        done(first ? refusal(550) : undefined);
        first = false;
      },
    });
    await failure(sendEmail(follow, 'event-1', waiting));
    await sendEmail(follow, 'event-2', waiting);
    expect(mails).toHaveLength(1);
  });

  test('When no server listens, then the failure is temporary, and the error names the address', async () => {
    const { sendEmail } = sender('smtp://127.0.0.1:1');
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(error.message).toContain('ECONNREFUSED 127.0.0.1:1');
  });

  test('When the server takes longer to reply than the delivery timeout of Dapr, then the sender still waits, because a retry could send the mail twice', async () => {
    let received = 0;
    const { sendEmail } = await startServer({
      onData: (stream, _session, done) => {
        received += 1;
        stream.resume().on('end', () => setTimeout(done, 5_500));
      },
    });
    await sendEmail(follow, 'event-1', waiting);
    expect(received).toBe(1);
  });

  test('When the server never replies, then the sender stops waiting after its timeout, and the failure is temporary', async () => {
    const silent: Server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanUps.push(() => silent.close());
    const { sendEmail, close } = sender(`smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, 200);
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error).not.toBeInstanceOf(PermanentFailure);
    close();
  });

  test('When the password is wrong, then the failure is permanent, and neither the log nor the error contains the password', async () => {
    const { sendEmail } = await startServer(
      {
        disabledCommands: ['STARTTLS'],
        allowInsecureAuth: true,
        onAuth: (_auth, _session, done) => done(refusal(535)),
      },
      'user:sesame@',
    );
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message + JSON.stringify(lines)).not.toContain('sesame');
  });

  test('When a server on another machine offers no encryption, then the password is not sent', async () => {
    let authenticated = false;
    const { server } = await startServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => {
        authenticated = true;
        done(null, { user: 'user' });
      },
    });
    // 0.0.0.0 reaches this machine, but the sender does not recognise it as this machine.
    const { sendEmail } = sender(`smtp://user:sesame@0.0.0.0:${(server.server.address() as AddressInfo).port}`);
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error.message).toMatch(/TLS/);
    expect(authenticated).toBe(false);
  });
});
