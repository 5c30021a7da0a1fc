import { createServer, type Server } from 'node:net';
import { expect, test, vi } from 'vitest';
import { silent } from '../log';
import {
  afterTests,
  call,
  listMails,
  openStream,
  RawSmtpClient,
  SOON,
  sendMail,
  setFaults,
  startTestInbox,
} from '../testing/test-inbox';
import { startInbox } from './inbox';
import { listen } from './listen';

async function startServer(port = 0): Promise<{ port: number; server: Server }> {
  const server = createServer();
  afterTests(() => server.close());
  return { server, port: await listen(server, { host: '127.0.0.1', port, purpose: 'a test' }) };
}

// These tests do not run concurrently, because other tests might get the ports that become free.
test.each([
  ['mailPort', 'the mail API'],
  ['pushPort', 'the push API'],
  ['smtpPort', 'the SMTP server'],
] as const)(
  'When the %s is in use, then the error names its purpose, and the other ports are free again',
  async (name, purpose) => {
    const taken = await startServer();
    const free = await startServer();
    await new Promise((resolve) => free.server.close(resolve));
    const options = { mailPort: 0, pushPort: 0, smtpPort: 0, log: silent };
    const other = name === 'mailPort' ? 'pushPort' : 'mailPort';
    const message = `port ${taken.port} of 127.0.0.1 is not available for ${purpose} of the inbox: another process uses it`;
    await expect(startInbox({ ...options, [name]: taken.port, [other]: free.port })).rejects.toThrow(message);
    await startServer(free.port);
  },
);

test('When the inbox closes, then open streams and SMTP connections end at once, and the ports are free', async () => {
  const inbox = await startInbox({ mailPort: 0, pushPort: 0, smtpPort: 0, log: silent });
  const page = await openStream(`${inbox.mailUrl}/~/events`);
  const reader = await openStream(`${inbox.pushUrl}/t/json`);
  const client = new RawSmtpClient(inbox);
  await client.waitFor(/^220 .*\r\n/m);
  await client.command('HELO me', 250);
  await client.command('MAIL FROM:<a@example.test>', 250);
  await client.command('RCPT TO:<b@example.test>', 250);
  await client.command('DATA', 354);
  const startedAt = performance.now();
  await inbox.close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await vi.waitFor(() => expect([page.ended, reader.ended, client.closed]).toEqual([true, true, true]), SOON);
  for (const url of [inbox.mailUrl, inbox.pushUrl, inbox.smtpUrl]) await startServer(Number(new URL(url).port));
});

test.concurrent('When the inbox receives more mails than it keeps, then the API lists the newest', async () => {
  const inbox = await startTestInbox({ keep: 2 });
  for (const subject of ['a', 'b', 'c']) await sendMail(inbox, { subject });
  expect(await listMails(inbox)).toMatchObject({ total: 2, messages: [{ Subject: 'c' }, { Subject: 'b' }] });
});

test.concurrent('When the mails exceed the memory limit, then the oldest are removed', async () => {
  const inbox = await startTestInbox({ maxBytes: 400_000 });
  for (const subject of ['a', 'b', 'c']) await sendMail(inbox, { subject, text: 'x\n'.repeat(25_000) });
  expect(await listMails(inbox)).toMatchObject({ total: 2, messages: [{ Subject: 'c' }, { Subject: 'b' }] });
});

test.concurrent('When the inbox listens, then only this machine can reach it', async () => {
  const inbox = await startTestInbox();
  for (const url of [inbox.mailUrl, inbox.pushUrl, inbox.smtpUrl]) expect(new URL(url).hostname).toBe('127.0.0.1');
});

test.concurrent('When the inbox changes, then the log has one line for each change, without control characters', async () => {
  const lines: string[] = [];
  const log = { info: (line: string) => void lines.push(line), warn: () => {}, error: () => {} };
  const inbox = await startTestInbox({ log });
  await sendMail(inbox, { subject: '\u001b[2Jalice\u202e \u0007 follows' });
  await call(`${inbox.pushUrl}/t`, { method: 'POST', body: 'one\nline' });
  await setFaults(inbox, { Push: { ErrorCode: 503, Probability: 50 }, AfterData: { Probability: 1 } });
  await call(`${inbox.mailUrl}/api/v1/messages`, { method: 'DELETE' });
  expect(lines).toEqual([
    'inbox: mail to bob@example.test: \\u{1b}[2Jalice\\u{202e} \\u{7} follows',
    'inbox: push to t: one\\u{a}line',
    'inbox: deliberate faults: Push 503 50 %, AfterData 1 %',
    'inbox: messages removed: 1',
  ]);
});
