import { expect, test } from 'vitest';
import { call, listMails, sendMail, startTestInbox } from '../testing/test-inbox';

test.concurrent('When a mail has arrived, then the list describes it with the fields of Mailpit', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, {
    from: 'Jörg <followers@example.test>',
    to: ['Bob <bob@example.test>', 'carol@example.test'],
    cc: 'dave@example.test',
    bcc: 'eve@example.test',
    replyTo: 'answers@example.test',
    subject: 'größer ✓',
    text: 'Hello\n  bob',
    messageId: '<one@example.test>',
    attachments: [{ filename: 'a.txt', content: 'abc' }],
  });
  const raw = await call(`${inbox.mailUrl}/api/v1/message/latest/raw`);
  expect(await listMails(inbox)).toEqual({
    ...{ total: 1, unread: 1, count: 1, messages_count: 1, messages_unread: 1, start: 0, tags: [] },
    messages: [
      {
        ID: expect.stringMatching(/^[A-Za-z0-9]{22}$/),
        MessageID: 'one@example.test',
        Read: false,
        From: { Name: 'Jörg', Address: 'followers@example.test' },
        To: [
          { Name: 'Bob', Address: 'bob@example.test' },
          { Name: '', Address: 'carol@example.test' },
        ],
        Cc: [{ Name: '', Address: 'dave@example.test' }],
        Bcc: [{ Name: '', Address: 'eve@example.test' }],
        ReplyTo: [{ Name: '', Address: 'answers@example.test' }],
        Subject: 'größer ✓',
        Created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        Username: '',
        Tags: [],
        Size: Buffer.byteLength(raw.text),
        Attachments: 1,
        Snippet: 'Hello bob',
      },
    ],
  });
});

test.concurrent('When one mail is requested, then the answer has all its fields, and the mail counts as read', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, {
    html: '<b>Hello</b>',
    date: new Date('2026-01-02T03:04:05Z'),
    messageId: '<two@example.test>',
  });
  const [{ ID }] = (await listMails(inbox)).messages;
  const { json } = await call(`${inbox.mailUrl}/api/v1/message/${ID}`);
  expect(json).toMatchObject({
    ID,
    MessageID: 'two@example.test',
    From: { Name: '', Address: 'followers@example.test' },
    ReturnPath: 'followers@example.test',
    Subject: 'alice follows you',
    Date: '2026-01-02T03:04:05.000Z',
    Text: expect.stringContaining('Hello bob, alice follows you now.'),
    HTML: '<b>Hello</b>',
    ...{ Attachments: [], Inline: [] },
  });
  expect(await listMails(inbox)).toMatchObject({ unread: 0, messages: [{ Read: true }] });
});

test.concurrent('When headers are requested, then each name has all its values, unfolded but not decoded', async () => {
  const inbox = await startTestInbox();
  const headers = { 'X-Event-Id': ['one', 'two'] };
  await sendMail(inbox, { subject: `${'long '.repeat(30)}✓`, headers, messageId: '<three@example.test>' });
  const { json } = await call(`${inbox.mailUrl}/api/v1/message/latest/headers`);
  expect(json).toMatchObject({ 'Message-Id': ['<three@example.test>'], 'X-Event-Id': ['one', 'two'] });
  expect(json.Subject).toEqual([expect.stringMatching(/^=\?UTF-8\?Q\?long_.*\?= =\?UTF-8\?/)]);
  expect(json).not.toHaveProperty('Hello bob, alice follows you now.');
});

test.concurrent('When the raw mail is requested, then the answer has the bytes that were sent', async () => {
  const inbox = await startTestInbox();
  const raw = 'Subject: raw\r\nX-Odd:  two  spaces\r\n\r\n.leading dot\r\nbye\r\n';
  await sendMail(inbox, { envelope: { from: 'a@example.test', to: ['b@example.test'] }, raw });
  const reply = await call(`${inbox.mailUrl}/api/v1/message/latest/raw`);
  expect(reply.text).toBe(raw);
  expect(reply.headers['content-type']).toBe('text/plain; charset=utf-8');
});

test.concurrent('When a list has a limit, then it begins with the newest mail, and start skips mails', async () => {
  const inbox = await startTestInbox();
  for (const subject of ['a', 'b', 'c']) await sendMail(inbox, { subject });
  const subjects = async (query: string) => {
    const { json } = await call(`${inbox.mailUrl}/api/v1/${query}`);
    return [json.messages.map(({ Subject }: { Subject: string }) => Subject).join(''), json.count, json.messages_count];
  };
  expect(await subjects('messages?limit=2')).toEqual(['cb', 2, 3]);
  expect(await subjects('messages?start=2&limit=2')).toEqual(['a', 1, 3]);
  expect(await subjects('messages?limit=0')).toEqual(['cba', 3, 3]);
  expect(await subjects('messages?limit=x')).toEqual(['cba', 3, 3]);
  expect(await subjects('search?query=to:bob&start=1&limit=1')).toEqual(['b', 1, 3]);
});

test.concurrent('When mails are searched, then only matching mails are listed, and latest accepts a query too', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, { to: 'carol@example.test', messageId: '<c@example.test>' });
  await sendMail(inbox, { to: 'bob@example.test' });
  const found = await call(`${inbox.mailUrl}/api/v1/search?query=${encodeURIComponent('to:carol !subject:nothing')}`);
  expect(found.json).toMatchObject({ total: 2, messages_count: 1, messages: [{ MessageID: 'c@example.test' }] });
  const latest = await call(`${inbox.mailUrl}/api/v1/message/latest?query=to:carol`);
  expect(latest.json).toMatchObject({ MessageID: 'c@example.test' });
  expect(await call(`${inbox.mailUrl}/api/v1/search?query=%20`)).toMatchObject({ status: 400 });
});

test.concurrent('When mails are deleted by id, then the others stay, and without ids, all are deleted', async () => {
  const inbox = await startTestInbox();
  for (const subject of ['a', 'b', 'c']) await sendMail(inbox, { subject });
  const ids = (await listMails(inbox)).messages.map(({ ID }: { ID: string }) => ID);
  const remove = (body?: string) =>
    call(`${inbox.mailUrl}/api/v1/messages`, { method: 'DELETE', ...(body && { body }) });
  expect(await remove(JSON.stringify({ IDs: [ids[0], ids[2], 'unknown'] }))).toMatchObject({ status: 200, text: 'ok' });
  expect(await listMails(inbox)).toMatchObject({ total: 1, messages: [{ Subject: 'b' }] });
  expect(await remove('{"ids":["unknown"]}')).toMatchObject({ status: 200 }); // Go ignores the case
  for (const body of ['{"ID":["unknown"]}', '["unknown"]', 'null'])
    expect(await remove(body)).toMatchObject({ status: 400, json: { Error: expect.stringContaining('IDs') } });
  expect(await remove('{"IDs":')).toMatchObject({ status: 400 });
  expect(await remove('{"IDs":"b"}')).toMatchObject({ status: 400, json: { Error: expect.stringContaining('IDs') } });
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
  expect(await remove()).toMatchObject({ status: 200 });
  expect(await listMails(inbox)).toMatchObject({ total: 0, messages: [] });
});

test.concurrent('When a mail does not exist, then the status is 404', async () => {
  const { mailUrl } = await startTestInbox();
  for (const path of ['message/latest', 'message/nosuch', 'message/nosuch/headers', 'message/nosuch/raw']) {
    expect(await call(`${mailUrl}/api/v1/${path}`)).toMatchObject({ status: 404, json: { Error: expect.any(String) } });
  }
});

test.concurrent('When health or info are requested, then the inbox is healthy and counts its mails', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox);
  expect(await call(`${inbox.mailUrl}/livez`)).toMatchObject({ status: 200, text: '' });
  expect(await call(`${inbox.mailUrl}/readyz`)).toMatchObject({ status: 200, text: '' });
  const { json } = await call(`${inbox.mailUrl}/api/v1/info`);
  expect(json).toMatchObject({ Version: expect.any(String), Messages: 1, Unread: 1 });
});
