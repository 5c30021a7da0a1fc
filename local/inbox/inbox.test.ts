import { createServer, type Server } from 'node:net';
import { expect, test, vi } from 'vitest';
import { silent } from '../log';
import {
  anInbox,
  atTheEnd,
  call,
  listMails,
  openStream,
  SOON,
  sendMail,
  setChaos,
  Telnet,
} from '../testing/test-inbox';
import { startInbox } from './inbox';
import { listen } from './listen';

async function aServer(port = 0): Promise<{ port: number; server: Server }> {
  const server = createServer();
  atTheEnd(() => server.close());
  return { server, port: await listen(server, { host: '127.0.0.1', port, purpose: 'a test' }) };
}

// Not beside others: they might be given the ports that become free.
test.each([
  ['mailPort', 'the mail page and API'],
  ['pushPort', 'push messages'],
  ['smtpPort', 'SMTP'],
] as const)(
  'When the %s is in use, then the error says for what it is needed, and nothing is left',
  async (name, purpose) => {
    const taken = await aServer();
    const free = await aServer();
    await new Promise((resolve) => free.server.close(resolve));
    const options = { mailPort: 0, pushPort: 0, smtpPort: 0, log: silent };
    const other = name === 'mailPort' ? 'pushPort' : 'mailPort';
    const message = `the inbox cannot have port ${taken.port} of 127.0.0.1 for ${purpose}: it is in use`;
    await expect(startInbox({ ...options, [name]: taken.port, [other]: free.port })).rejects.toThrow(message);
    await aServer(free.port);
  },
);

test('When it closes, then it ends open streams and SMTP connections at once, and frees its ports', async () => {
  const inbox = await startInbox({ mailPort: 0, pushPort: 0, smtpPort: 0, log: silent });
  const page = await openStream(`${inbox.mailUrl}/~/events`);
  const reader = await openStream(`${inbox.pushUrl}/t/json`);
  const telnet = new Telnet(inbox);
  await telnet.hear(/^220 .*\r\n/m);
  await telnet.say('HELO me', 250);
  await telnet.say('MAIL FROM:<a@example.test>', 250);
  await telnet.say('RCPT TO:<b@example.test>', 250);
  await telnet.say('DATA', 354);
  const startedAt = performance.now();
  await inbox.close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await vi.waitFor(() => expect([page.ended, reader.ended, telnet.closed]).toEqual([true, true, true]), SOON);
  for (const url of [inbox.mailUrl, inbox.pushUrl, inbox.smtpUrl]) await aServer(Number(new URL(url).port));
});

test.concurrent('When more mails come than are kept, then the API has the newest', async () => {
  const inbox = await anInbox({ keep: 2 });
  for (const subject of ['a', 'b', 'c']) await sendMail(inbox, { subject });
  expect(await listMails(inbox)).toMatchObject({ total: 2, messages: [{ Subject: 'c' }, { Subject: 'b' }] });
});

test.concurrent('When mails together are too big, then the oldest go', async () => {
  const inbox = await anInbox({ maxBytes: 400_000 });
  for (const subject of ['a', 'b', 'c']) await sendMail(inbox, { subject, text: 'x\n'.repeat(25_000) });
  expect(await listMails(inbox)).toMatchObject({ total: 2, messages: [{ Subject: 'c' }, { Subject: 'b' }] });
});

test.concurrent('When it listens, then only on this machine', async () => {
  const inbox = await anInbox();
  for (const url of [inbox.mailUrl, inbox.pushUrl, inbox.smtpUrl]) expect(new URL(url).hostname).toBe('127.0.0.1');
});

test.concurrent('When something happens, then the log has a line, without anything that could move a terminal', async () => {
  const lines: string[] = [];
  const log = { info: (line: string) => void lines.push(line), warn: () => {}, error: () => {} };
  const inbox = await anInbox({ log });
  await sendMail(inbox, { subject: '\u001b[2Jalice\u202e \u0007 follows' });
  await call(`${inbox.pushUrl}/t`, { method: 'POST', body: 'one\nline' });
  await setChaos(inbox, { Push: { ErrorCode: 503, Probability: 50 }, AfterData: { Probability: 1 } });
  await call(`${inbox.mailUrl}/api/v1/messages`, { method: 'DELETE' });
  expect(lines).toEqual([
    'inbox: mail to bob@example.test: \\u{1b}[2Jalice\\u{202e} \\u{7} follows',
    'inbox: push to t: one\\u{a}line',
    'inbox: faults on purpose: Push 503 50 %, AfterData 1 %',
    'inbox: 1 removed',
  ]);
});
