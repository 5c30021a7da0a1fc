import { createTransport } from 'nodemailer';
import { expect, test, vi } from 'vitest';
import { anInbox, call, listMails, openStream, SOON, sendMail, setChaos, Telnet } from '../testing/test-inbox';

const always = (ErrorCode: number) => ({ ErrorCode, Probability: 100 });

test.concurrent('When a mail is sent, then it can be found as soon as the sender has been told 250', async () => {
  const inbox = await anInbox();
  const { response } = await sendMail(inbox);
  expect(response).toMatch(/^250 /);
  expect((await listMails(inbox)).messages).toMatchObject([{ Subject: 'alice follows you' }]);
});

test.concurrent('When a hundred senders come at once, then every mail is there', async () => {
  const inbox = await anInbox();
  const subjects = Array.from({ length: 100 }, (_, n) => `mail ${n}`);
  const mail = { from: 'a@example.test', to: 'b@example.test', text: 'x' };
  await Promise.all(subjects.map((subject) => createTransport(inbox.smtpUrl).sendMail({ ...mail, subject })));
  const { json } = await call(`${inbox.mailUrl}/api/v1/messages?limit=200`);
  const arrived = json.messages.map(({ Subject }: { Subject: string }) => Subject);
  expect(arrived.sort()).toEqual(subjects.sort());
});

test.concurrent('When one connection sends many mails, then it is not cut off', async () => {
  const inbox = await anInbox();
  const transport = createTransport({ url: inbox.smtpUrl, pool: true, maxConnections: 1, maxMessages: 1_000 });
  for (let n = 0; n < 30; n += 1)
    await transport.sendMail({ from: 'a@example.test', to: 'b@example.test', text: `${n}` });
  transport.close();
  expect(await listMails(inbox)).toMatchObject({ total: 30 });
});

test.concurrent('When a sender logs in, then any name and password will do, and the name is kept', async () => {
  const inbox = await anInbox();
  const transport = createTransport({ url: inbox.smtpUrl, auth: { user: 'somebody', pass: 'anything' } });
  await transport.sendMail({ from: 'a@example.test', to: 'b@example.test', text: 'x' });
  transport.close();
  expect((await listMails(inbox)).messages).toMatchObject([{ Username: 'somebody' }]);
});

test.concurrent('When the server greets, then it offers no STARTTLS and says how large a mail may be', async () => {
  const telnet = new Telnet(await anInbox());
  await telnet.hear(/^220 .*\r\n/m);
  telnet.write('EHLO me\r\n');
  const offers = await telnet.hear(/^250 .*\r\n/m).then((last) => telnet.heard + last);
  expect(offers).not.toContain('STARTTLS');
  telnet.write('EHLO me\r\n');
  await telnet.hear(/^250[- ]SIZE 10485760\r\n/m);
});

test.concurrent('When a mail is too large, then it is refused with 552, whether its sender says so first or not', async () => {
  const inbox = await anInbox();
  const telnet = new Telnet(inbox);
  await telnet.hear(/^220 .*\r\n/m);
  await telnet.say('EHLO me', 250);
  await telnet.say('MAIL FROM:<a@example.test> SIZE=10485761', 552);
  await telnet.say('MAIL FROM:<a@example.test>', 250);
  await telnet.say('RCPT TO:<b@example.test>', 250);
  await telnet.say('DATA', 354);
  telnet.write('x'.repeat(998).concat('\r\n').repeat(10_500));
  await telnet.say('\r\n.', 552);
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
});

test.concurrent.each([
  ['Sender', 421],
  ['Sender', 550],
  ['Recipient', 451],
  ['Recipient', 599],
])('When the trigger %s is on with %i, then a mail is refused with that code and not stored', async (name, code) => {
  const inbox = await anInbox();
  await setChaos(inbox, { [name]: always(code) });
  await expect(sendMail(inbox)).rejects.toMatchObject({ responseCode: code });
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
  await setChaos(inbox, {});
  await sendMail(inbox);
});

test.concurrent('When the trigger Authentication is on, then a login is refused with its code, and mail without login is not', async () => {
  const inbox = await anInbox();
  await setChaos(inbox, { Authentication: always(535) });
  const transport = createTransport({ url: inbox.smtpUrl, auth: { user: 'somebody', pass: 'anything' } });
  const mail = { from: 'a@example.test', to: 'b@example.test', text: 'x' };
  await expect(transport.sendMail(mail)).rejects.toMatchObject({ responseCode: 535 });
  transport.close();
  await sendMail(inbox);
});

test.concurrent('When the trigger AfterData is on, then the mail is stored although its sender hears nothing', async () => {
  const inbox = await anInbox();
  await setChaos(inbox, { AfterData: { Probability: 100 } });
  const failure = await sendMail(inbox).catch((error) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(failure.responseCode).toBeUndefined();
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
});

test.concurrent('When a trigger has a probability of 50, then it strikes while the dice are below a half', async () => {
  const dice = [0, 0.499, 0.5, 0.999];
  const inbox = await anInbox({ random: () => dice.shift() ?? 0.999 });
  await setChaos(inbox, { Recipient: { ErrorCode: 451, Probability: 50 } });
  await expect(sendMail(inbox)).rejects.toMatchObject({ responseCode: 451 });
  await expect(sendMail(inbox)).rejects.toMatchObject({ responseCode: 451 });
  await sendMail(inbox);
  await sendMail(inbox);
});

test.concurrent('When a sender leaves in the middle of a mail, then nothing is stored', async () => {
  const inbox = await anInbox();
  const page = await openStream(`${inbox.mailUrl}/~/events`);
  const telnet = new Telnet(inbox);
  await telnet.hear(/^220 .*\r\n/m);
  await telnet.say('HELO me', 250);
  await telnet.say('MAIL FROM:<a@example.test>', 250);
  await telnet.say('RCPT TO:<b@example.test>', 250);
  await telnet.say('DATA', 354);
  telnet.write('Subject: half\r\n\r\nhalf a mail\r\n');
  telnet.leave();
  // A later mail is stored in its place, and by then the half one would be there.
  await sendMail(inbox, { subject: 'whole' });
  await vi.waitFor(() => expect(page.text).toContain('"whole"'), SOON);
  expect(page.text).not.toContain('half');
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
});

test.concurrent('When a sender talks garbage, then it is told so, and others are served', async () => {
  const inbox = await anInbox();
  const telnet = new Telnet(inbox);
  await telnet.hear(/^220 .*\r\n/m);
  await telnet.say('\u0000\u0001\u00ff GET / HTTP/1.1', 500);
  await telnet.say('DATA', 503);
  telnet.write(`${'A'.repeat(200_000)}\r\n`);
  await vi.waitFor(() => expect(telnet.heard !== '' || telnet.closed).toBe(true), SOON);
  await sendMail(inbox);
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
});

test.concurrent('When an address brings a line break, then no header comes of it', async () => {
  const inbox = await anInbox();
  const telnet = new Telnet(inbox);
  await telnet.hear(/^220 .*\r\n/m);
  await telnet.say('HELO me', 250);
  await telnet.say('MAIL FROM:<a@example.test>', 250);
  await telnet.say('RCPT TO:<b@example.test\nBcc: eve@example.test>', 501);
  await telnet.say('RCPT TO:<b@example.test>', 250);
  await telnet.say('DATA', 354);
  await telnet.say('Subject: one\r\n\r\nSubject: two\r\n.', 250);
  const { json } = await call(`${inbox.mailUrl}/api/v1/message/latest`);
  expect(json).toMatchObject({ Subject: 'one', Text: expect.stringContaining('Subject: two'), To: [] });
  expect(json.Bcc).toEqual([{ Name: '', Address: 'b@example.test' }]);
});

test.concurrent('When a mail cannot be read, then its sender is told so, and it is not stored', async () => {
  const inbox = await anInbox();
  const raw = `Subject: x\r\n${'X-Long: x\r\n'.repeat(110_000)}\r\nx\r\n`;
  const envelope = { from: 'a@example.test', to: ['b@example.test'] };
  await expect(sendMail(inbox, { envelope, raw })).rejects.toMatchObject({ responseCode: 554 });
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
});
