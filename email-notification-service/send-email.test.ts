import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { PermanentFailure } from '../common/dapr/subscription';
import { captureLog } from '../common/testing/captured-log';
import { createEmailSender } from './send-email';

const follow = { follower: 'alice', followee: 'bob' };
const { logger, lines } = captureLog();
const waiting = new AbortController().signal;
const cleanUps: (() => void)[] = [];
const mails: ParsedMail[] = [];
let connections = 0;

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
  mails.length = 0;
  lines.length = 0;
  connections = 0;
});

/** An error with which an SMTP server answers. */
const reply = (responseCode: number, text = 'no') => Object.assign(new Error(text), { responseCode });

/** A sender, and the server to which it sends. */
async function start(options: SMTPServerOptions = {}, credentials = '') {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    onConnect: (_session, callback) => {
      connections += 1;
      callback();
    },
    onData: (stream, _session, callback) => {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        callback();
      }, callback);
    },
    ...options,
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  cleanUps.push(() => server.close());
  return { ...sender(`smtp://${credentials}127.0.0.1:${port}`), server };
}

function sender(smtpUrl: string, timeoutMs?: number) {
  const config = { smtpUrl, from: 'followers@example.test', domain: 'example.test' };
  const created = createEmailSender(config, logger, timeoutMs);
  cleanUps.push(created.close);
  return created;
}

const failure = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail('it was sent'),
    (e) => e,
  );

describe('what is sent', () => {
  test('When somebody is followed, then they get a mail in text and HTML that says by whom', async () => {
    const { sendEmail } = await start();
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

  test('When the same event is sent again, then the mail has the same Message-ID; another event has another', async () => {
    const { sendEmail } = await start();
    await sendEmail(follow, 'event-1', waiting);
    await sendEmail(follow, 'event-1', waiting);
    await sendEmail(follow, 'event-2', waiting);
    expect(mails.map(({ messageId }) => messageId)).toEqual([
      '<event-1.email-notification-service@example.test>',
      '<event-1.email-notification-service@example.test>',
      '<event-2.email-notification-service@example.test>',
    ]);
  });

  test('When event id and names hold line breaks and markup, then no header and no tag comes of it', async () => {
    const { sendEmail } = await start();
    await sendEmail({ follower: 'a\r\nBcc: eve@example.test\r\n\r\n<i>', followee: 'bob' }, 'x>\r\nX-Evil: 1', waiting);
    const [mail] = mails;
    expect(mail?.subject).toContain('Bcc: eve@example.test');
    expect(mail?.headers.has('bcc')).toBe(false);
    expect(mail?.headers.has('x-evil')).toBe(false);
    expect(mail?.messageId).toMatch(/^<[0-9a-f]{64}\.email-notification-service@example\.test>$/);
    expect(mail?.html).toContain('&#60;i&#62;');
    expect(mail?.html).not.toContain('<i>');
  });

  test('When several mails are sent one after the other, then they share a connection', async () => {
    const { sendEmail } = await start();
    for (let i = 0; i < 5; i += 1) await sendEmail(follow, `event-${i}`, waiting);
    expect(mails).toHaveLength(5);
    expect(connections).toBe(1);
  });
});

describe('what fails', () => {
  test.each([
    ['the sender with 451', { onMailFrom: (_a, _s, done) => done(reply(451)) }, false],
    ['the recipient with 450', { onRcptTo: (_a, _s, done) => done(reply(450)) }, false],
    ['the recipient with 550', { onRcptTo: (_a, _s, done) => done(reply(550)) }, true],
    ['the mail with 554', { onData: (stream, _s, done) => stream.resume().on('end', () => done(reply(554))) }, true],
    ['the mail with 452', { onData: (stream, _s, done) => stream.resume().on('end', () => done(reply(452))) }, false],
    ['the connection with 421', { onConnect: (_s, done) => done(reply(421)) }, false],
  ] as [string, SMTPServerOptions, boolean][])(
    'When the server refuses %s, then permanent is %3$s',
    async (_, options, permanent) => {
      const { sendEmail } = await start(options);
      expect((await failure(sendEmail(follow, 'event-1', waiting))) instanceof PermanentFailure).toBe(permanent);
      expect(lines).toEqual([]);
    },
  );

  test('When the server refuses one mail, then the next one goes out', async () => {
    let first = true;
    const { sendEmail } = await start({
      onRcptTo: (_address, _session, done) => {
        done(first ? reply(550) : undefined);
        first = false;
      },
    });
    await failure(sendEmail(follow, 'event-1', waiting));
    await sendEmail(follow, 'event-2', waiting);
    expect(mails).toHaveLength(1);
  });

  test('When nobody listens, then it may be tried again, and the error says where', async () => {
    const { sendEmail } = sender('smtp://127.0.0.1:1');
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(error.message).toContain('ECONNREFUSED 127.0.0.1:1');
  });

  test('When the server breaks off in the middle, then the mail is not sent a second time by itself', async () => {
    let taken = 0;
    const { sendEmail, server } = await start({
      onData: (stream) => {
        stream.resume().on('end', () => {
          taken += 1;
          // The list of open connections, which the types leave out.
          const { connections: open } = server as unknown as { connections: Set<{ close(): void }> };
          for (const connection of open) connection.close();
        });
      },
    });
    expect(await failure(sendEmail(follow, 'event-1', waiting))).not.toBeInstanceOf(PermanentFailure);
    expect(taken).toBe(1);
  });

  test('When the server takes longer to answer than Dapr waits for a delivery, then the mail is not given up, which would send it twice', async () => {
    let taken = 0;
    const { sendEmail } = await start({
      onData: (stream, _session, done) => {
        taken += 1;
        stream.resume().on('end', () => setTimeout(done, 5_500));
      },
    });
    await sendEmail(follow, 'event-1', waiting);
    expect(taken).toBe(1);
  });

  test('When the server says nothing at all, then the wait ends', async () => {
    const silent: Server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanUps.push(() => silent.close());
    const { sendEmail, close } = sender(`smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, 200);
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error).not.toBeInstanceOf(PermanentFailure);
    close();
  });

  test('When the password is wrong, then it is permanent, and neither log nor error has it', async () => {
    const { sendEmail } = await start(
      { disabledCommands: ['STARTTLS'], allowInsecureAuth: true, onAuth: (_auth, _session, done) => done(reply(535)) },
      'user:sesame@',
    );
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message + JSON.stringify(lines)).not.toContain('sesame');
  });

  test('When a server elsewhere offers no encryption, then the password is not sent', async () => {
    let asked = false;
    const { server } = await start({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => {
        asked = true;
        done(null, { user: 'user' });
      },
    });
    // Another name for this machine, which does not say that it is one.
    const { sendEmail } = sender(`smtp://user:sesame@0.0.0.0:${(server.server.address() as AddressInfo).port}`);
    const error = await failure(sendEmail(follow, 'event-1', waiting));
    expect(error.message).toMatch(/TLS/);
    expect(asked).toBe(false);
  });
});
