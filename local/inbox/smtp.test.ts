import { createTransport } from 'nodemailer';
import { expect, test, vi } from 'vitest';
import {
  call,
  listMails,
  openStream,
  RawSmtpClient,
  SOON,
  sendMail,
  setFaults,
  startTestInbox,
} from '../testing/test-inbox';

const always = (ErrorCode: number) => ({ ErrorCode, Probability: 100 });

test.concurrent('When a mail is answered with 250, then the API already lists it', async () => {
  const inbox = await startTestInbox();
  const { response } = await sendMail(inbox);
  expect(response).toMatch(/^250 /);
  expect((await listMails(inbox)).messages).toMatchObject([{ Subject: 'alice follows you' }]);
});

test.concurrent('When a hundred clients send a mail at the same time, then every mail is stored', async () => {
  const inbox = await startTestInbox();
  const subjects = Array.from({ length: 100 }, (_, n) => `mail ${n}`);
  const mail = { from: 'a@example.test', to: 'b@example.test', text: 'x' };
  await Promise.all(subjects.map((subject) => createTransport(inbox.smtpUrl).sendMail({ ...mail, subject })));
  const { json } = await call(`${inbox.mailUrl}/api/v1/messages?limit=200`);
  const arrived = json.messages.map(({ Subject }: { Subject: string }) => Subject);
  expect(arrived.sort()).toEqual(subjects.sort());
});

test.concurrent('When a client sends many mails over one connection, then the connection stays open', async () => {
  const inbox = await startTestInbox();
  const transport = createTransport({ url: inbox.smtpUrl, pool: true, maxConnections: 1, maxMessages: 1_000 });
  for (let n = 0; n < 30; n += 1)
    await transport.sendMail({ from: 'a@example.test', to: 'b@example.test', text: `${n}` });
  transport.close();
  expect(await listMails(inbox)).toMatchObject({ total: 30 });
});

test.concurrent('When a client logs in, then any name and password are accepted, and the name is stored', async () => {
  const inbox = await startTestInbox();
  const transport = createTransport({ url: inbox.smtpUrl, auth: { user: 'somebody', pass: 'anything' } });
  await transport.sendMail({ from: 'a@example.test', to: 'b@example.test', text: 'x' });
  transport.close();
  expect((await listMails(inbox)).messages).toMatchObject([{ Username: 'somebody' }]);
});

test.concurrent('When the client sends EHLO, then the server offers no STARTTLS and names the size limit', async () => {
  const client = new RawSmtpClient(await startTestInbox());
  await client.waitFor(/^220 .*\r\n/m);
  client.write('EHLO me\r\n');
  const offers = await client.waitFor(/^250 .*\r\n/m).then((last) => client.received + last);
  expect(offers).not.toContain('STARTTLS');
  client.write('EHLO me\r\n');
  await client.waitFor(/^250[- ]SIZE 10485760\r\n/m);
});

test.concurrent.each([
  'MAIL FROM:<a@example.test> HOLDFOR=3600',
  'MAIL FROM:<a@example.test> HOLDUNTIL=2030-01-01T00:00:00Z',
  'MAIL FROM:<a@example.test> BY=120;R',
  'MAIL FROM:<a@example.test> MT-PRIORITY=3',
  'MAIL FROM:<a@example.test> RET=HDRS ENVID=one',
  'RCPT TO:<b@example.test> NOTIFY=SUCCESS,DELAY',
  'RCPT TO:<b@example.test> notify=never',
  'RCPT TO:<b@example.test> ORCPT=rfc822;c@example.test',
  'RCPT TO:<b@example.test> RRVS=2014-04-03T23:01:00Z',
])('When a client sends %s, then it is refused, because the inbox does not do it', async (line) => {
  const client = new RawSmtpClient(await startTestInbox());
  await client.waitFor(/^220 .*\r\n/m);
  client.write('EHLO me\r\n');
  const offer = await client.waitFor(/^250-[\s\S]*^250 .*\r\n/m);
  expect(offer).toContain('SIZE');
  expect(offer).not.toMatch(/DSN|DELIVERBY|FUTURERELEASE|MT-PRIORITY/);
  if (line.startsWith('RCPT')) await client.command('MAIL FROM:<a@example.test> SIZE=10 BODY=8BITMIME SMTPUTF8', 250);
  await client.command(line, 555);
});

test.concurrent('When a mail is too large, then it is refused with 552, with or without a declared size', async () => {
  const inbox = await startTestInbox();
  const client = new RawSmtpClient(inbox);
  await client.waitFor(/^220 .*\r\n/m);
  await client.command('EHLO me', 250);
  await client.command('MAIL FROM:<a@example.test> SIZE=10485761', 552);
  await client.command('MAIL FROM:<a@example.test>', 250);
  await client.command('RCPT TO:<b@example.test>', 250);
  await client.command('DATA', 354);
  client.write('x'.repeat(998).concat('\r\n').repeat(10_500));
  await client.command('\r\n.', 552);
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
});

test.concurrent.each([
  ['Sender', 421],
  ['Sender', 550],
  ['Recipient', 451],
  ['Recipient', 599],
])(
  'When the trigger %s is on with code %i, then a mail is refused with that code and not stored',
  async (name, code) => {
    const inbox = await startTestInbox();
    await setFaults(inbox, { [name]: always(code) });
    await expect(sendMail(inbox)).rejects.toMatchObject({ responseCode: code });
    expect(await listMails(inbox)).toMatchObject({ total: 0 });
    await setFaults(inbox, {});
    await sendMail(inbox);
  },
);

test.concurrent('When the trigger Authentication is on, then a login is refused, and a mail without login is accepted', async () => {
  const inbox = await startTestInbox();
  await setFaults(inbox, { Authentication: always(535) });
  const transport = createTransport({ url: inbox.smtpUrl, auth: { user: 'somebody', pass: 'anything' } });
  const mail = { from: 'a@example.test', to: 'b@example.test', text: 'x' };
  await expect(transport.sendMail(mail)).rejects.toMatchObject({ responseCode: 535 });
  transport.close();
  await sendMail(inbox);
});

test.concurrent('When the trigger AfterData is on, then the mail is stored, and the client gets no answer', async () => {
  const inbox = await startTestInbox();
  await setFaults(inbox, { AfterData: { Probability: 100 } });
  const failure = await sendMail(inbox).catch((error) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(failure.responseCode).toBeUndefined();
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
});

test.concurrent('When a trigger has a probability of 50, then it occurs if the random number is below 0.5', async () => {
  const numbers = [0, 0.499, 0.5, 0.999];
  const inbox = await startTestInbox({ random: () => numbers.shift() ?? 0.999 });
  await setFaults(inbox, { Recipient: { ErrorCode: 451, Probability: 50 } });
  await expect(sendMail(inbox)).rejects.toMatchObject({ responseCode: 451 });
  await expect(sendMail(inbox)).rejects.toMatchObject({ responseCode: 451 });
  await sendMail(inbox);
  await sendMail(inbox);
});

test.concurrent('When a client disconnects in the middle of a mail, then the mail is not stored', async () => {
  const inbox = await startTestInbox();
  const page = await openStream(`${inbox.mailUrl}/~/events`);
  const client = new RawSmtpClient(inbox);
  await client.waitFor(/^220 .*\r\n/m);
  await client.command('HELO me', 250);
  await client.command('MAIL FROM:<a@example.test>', 250);
  await client.command('RCPT TO:<b@example.test>', 250);
  await client.command('DATA', 354);
  client.write('Subject: half\r\n\r\nhalf a mail\r\n');
  client.disconnect();
  // When a later mail has arrived, the server has finished with the incomplete mail.
  await sendMail(inbox, { subject: 'whole' });
  await vi.waitFor(() => expect(page.text).toContain('"whole"'), SOON);
  expect(page.text).not.toContain('half');
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
});

test.concurrent('When a client sends invalid commands, then it gets errors, and other clients are served', async () => {
  const inbox = await startTestInbox();
  const client = new RawSmtpClient(inbox);
  await client.waitFor(/^220 .*\r\n/m);
  await client.command('\u0000\u0001\u00ff GET / HTTP/1.1', 500);
  await client.command('DATA', 503);
  client.write(`${'A'.repeat(200_000)}\r\n`);
  await vi.waitFor(() => expect(client.received !== '' || client.closed).toBe(true), SOON);
  await sendMail(inbox);
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
});

test.concurrent('When an address contains a line break, then it cannot add a header', async () => {
  const inbox = await startTestInbox();
  const client = new RawSmtpClient(inbox);
  await client.waitFor(/^220 .*\r\n/m);
  await client.command('HELO me', 250);
  await client.command('MAIL FROM:<a@example.test>', 250);
  await client.command('RCPT TO:<b@example.test\nBcc: eve@example.test>', 501);
  await client.command('RCPT TO:<b@example.test>', 250);
  await client.command('DATA', 354);
  await client.command('Subject: one\r\n\r\nSubject: two\r\n.', 250);
  const { json } = await call(`${inbox.mailUrl}/api/v1/message/latest`);
  expect(json).toMatchObject({ Subject: 'one', Text: expect.stringContaining('Subject: two'), To: [] });
  expect(json.Bcc).toEqual([{ Name: '', Address: 'b@example.test' }]);
});

test.concurrent('When a mail cannot be parsed, then the client gets 554, and the mail is not stored', async () => {
  const inbox = await startTestInbox();
  const raw = `Subject: x\r\n${'X-Long: x\r\n'.repeat(110_000)}\r\nx\r\n`;
  const envelope = { from: 'a@example.test', to: ['b@example.test'] };
  await expect(sendMail(inbox, { envelope, raw })).rejects.toMatchObject({ responseCode: 554 });
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
});
