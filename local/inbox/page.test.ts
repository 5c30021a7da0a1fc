import { expect, test, vi } from 'vitest';
import { call, openStream, SOON, sendMail, setFaults, startTestInbox } from '../testing/test-inbox';

/** Returns the events that a stream has received. */
function eventsOf({ text }: { text: string }) {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/m.exec(block) ?? [];
    return name && data ? [{ name, data: JSON.parse(data) }] : [];
  });
}

const push = (pushUrl: string, message: string, headers: Record<string, string> = {}) =>
  call(`${pushUrl}/followers-bob`, { method: 'POST', body: message, headers: { title: 'New follower', ...headers } });

test.concurrent('When a browser opens the mail or push port, then it gets the page and every file that the page loads', async () => {
  const { mailUrl, pushUrl } = await startTestInbox();
  for (const page of [`${mailUrl}/`, `${pushUrl}/`, `${pushUrl}/followers-bob`]) {
    const { status, headers, text } = await call(page);
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
    expect(headers['content-security-policy']).toContain("script-src 'self'; style-src 'self'");
    const assets = [...text.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path ?? '');
    const styles = ['page', 'faults', 'list', 'reader'].map((name) => `/~/${name}.css`);
    expect(assets).toEqual(expect.arrayContaining([...styles, '/~/page.mjs', '/~/icon.svg']));
    for (const path of assets) expect(await call(new URL(path, page).href)).toMatchObject({ status: 200 });
    expect(text).not.toMatch(/<script>|<style>|style="|onclick|https?:/);
  }
});

test.concurrent('When a message arrives, then the pages on both ports receive it within a second', async () => {
  const inbox = await startTestInbox();
  const streams = await Promise.all([inbox.mailUrl, inbox.pushUrl].map((url) => openStream(`${url}/~/events`)));
  await sendMail(inbox, { messageId: '<one@example.test>' });
  await push(inbox.pushUrl, 'alice follows you', { 'x-sequence-id': 'one' });
  for (const stream of streams) {
    const arrivals = () => eventsOf(stream).filter(({ name }) => name === 'arrival');
    await vi.waitFor(() => expect(arrivals()).toHaveLength(2), { timeout: 1_000, interval: 5 });
    const [mail, message] = arrivals().map(({ data }) => data);
    expect(mail).toMatchObject({
      counts: { mails: 1, pushes: 0 },
      entry: { kind: 'mail', to: 'bob@example.test', title: 'alice follows you', id: 'one@example.test', again: false },
    });
    expect(message).toMatchObject({
      counts: { mails: 1, pushes: 1 },
      entry: { kind: 'push', to: 'followers-bob', title: 'New follower', text: 'alice follows you', id: 'one' },
    });
  }
});

test.concurrent('When a page reconnects, then it receives the newest messages, each once, newest first', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, { subject: 'one' });
  for (let n = 0; n < 250; n += 1) await push(inbox.pushUrl, String(n));
  await sendMail(inbox, { subject: 'last' });
  const stream = await openStream(`${inbox.mailUrl}/~/events`);
  await vi.waitFor(() => expect(eventsOf(stream)).toHaveLength(1), SOON);
  const data: { counts: object; entries: { number: number }[] } = eventsOf(stream)[0]?.data;
  expect(data.counts).toEqual({ mails: 2, pushes: 250 });
  expect(data.entries.map(({ number }) => number)).toEqual(Array.from({ length: 200 }, (_, n) => 252 - n));
  expect(data.entries[0]).toMatchObject({ title: 'last' });
});

test.concurrent('When a mail or a push arrives twice, then the second is marked', async () => {
  const inbox = await startTestInbox();
  const stream = await openStream(`${inbox.mailUrl}/~/events`);
  for (const messageId of ['<one@example.test>', '<two@example.test>', '<one@example.test>'])
    await sendMail(inbox, { messageId });
  for (const id of ['one', 'two', 'one']) await push(inbox.pushUrl, 'x', { 'x-sequence-id': id });
  await push(inbox.pushUrl, 'x');
  await push(inbox.pushUrl, 'x');
  const marks = () => eventsOf(stream).flatMap(({ data: { entry } }) => (entry ? [entry.again] : []));
  await vi.waitFor(() => expect(marks()).toHaveLength(8), SOON);
  expect(marks()).toEqual([false, false, true, false, false, true, false, false]);
});

test.concurrent('When a page or an API client changes the faults, then every page receives the change', async () => {
  const inbox = await startTestInbox();
  const stream = await openStream(`${inbox.pushUrl}/~/events`);
  await setFaults(inbox, { Push: { ErrorCode: 503, Probability: 50 } });
  const body = JSON.stringify({ Recipient: { ErrorCode: 550, Probability: 100 } });
  expect(await call(`${inbox.pushUrl}/~/faults`, { method: 'PUT', body })).toMatchObject({ status: 204 });
  const told = () =>
    eventsOf(stream)
      .filter(({ name }) => name === 'faults')
      .map(({ data }) => data);
  await vi.waitFor(() => expect(told()).toHaveLength(2), SOON);
  expect(told()).toMatchObject([
    { Push: { Probability: 50 } },
    { Push: { Probability: 0 }, Recipient: { ErrorCode: 550 } },
  ]);
});

test.concurrent('When a page empties the inbox, then every page receives the change, and both APIs are empty', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox);
  await push(inbox.pushUrl, 'x');
  const stream = await openStream(`${inbox.mailUrl}/~/events`);
  expect(await call(`${inbox.mailUrl}/~/messages`, { method: 'DELETE' })).toMatchObject({ status: 204 });
  await vi.waitFor(() => expect(eventsOf(stream).at(-1)?.data).toMatchObject({ entries: [] }), SOON);
  expect((await call(`${inbox.mailUrl}/api/v1/messages`)).json).toMatchObject({ total: 0 });
  expect((await call(`${inbox.pushUrl}/followers-bob/json?poll=1`)).text).toBe('');
});

test.concurrent('When a page empties the inbox, then it can restore the messages once', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox);
  await push(inbox.pushUrl, 'x');
  const restore = (url: string) => call(`${url}/~/messages/restore`, { method: 'POST' });
  expect(await restore(inbox.mailUrl)).toMatchObject({ status: 409 });
  await call(`${inbox.mailUrl}/~/messages`, { method: 'DELETE' });
  const stream = await openStream(`${inbox.mailUrl}/~/events`);
  expect(await restore(inbox.pushUrl)).toMatchObject({ status: 204 });
  await vi.waitFor(() => expect(eventsOf(stream).at(-1)?.data.entries).toHaveLength(2), SOON);
  expect((await call(`${inbox.mailUrl}/api/v1/messages`)).json).toMatchObject({ total: 1 });
  expect((await call(`${inbox.pushUrl}/followers-bob/json?poll=1`)).text).not.toBe('');
  expect(await restore(inbox.mailUrl)).toMatchObject({ status: 409 });
});

test.concurrent('When a page searches, then it receives the messages that match, and the counts of all', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, { subject: 'Needle one' });
  const stream = await openStream(`${inbox.mailUrl}/~/events?query=%20NEEDLE%20`);
  await push(inbox.pushUrl, 'haystack');
  await push(inbox.pushUrl, 'x', { tags: 'needle' });
  await vi.waitFor(() => expect(eventsOf(stream)).toHaveLength(3), SOON);
  expect(eventsOf(stream)).toMatchObject([
    { name: 'snapshot', data: { entries: [{ title: 'Needle one' }], counts: { mails: 1, pushes: 0 }, hasMore: false } },
    { name: 'counts', data: { mails: 1, pushes: 1 } },
    { name: 'arrival', data: { entry: { text: 'x' }, counts: { mails: 1, pushes: 2 } } },
  ]);
});

test.concurrent('When a page opens a message, then it gets its rows and parts, and a frame for HTML', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox, {
    html: '<b>Hello</b>',
    text: 'y'.repeat(300_000),
    attachments: [{ filename: 'a.txt', content: 'abc' }],
  });
  await push(inbox.pushUrl, 'x', { priority: '5' });
  const stream = await openStream(`${inbox.pushUrl}/~/events`);
  await vi.waitFor(() => expect(eventsOf(stream)).toHaveLength(1), SOON);
  const [message, mail] = eventsOf(stream).flatMap(({ data }) => data.entries);
  const opened = async ({ path }: { path: string }) => (await call(`${inbox.pushUrl}/~${path}`)).json;
  expect(await opened(message)).toMatchObject({
    facts: expect.arrayContaining([
      { name: 'Title', text: 'New follower' },
      { name: 'Priority', text: '5' },
    ]),
    parts: [
      { name: 'Text', text: 'x' },
      { name: 'Source', text: expect.stringContaining('"title": "New follower"') },
    ],
  });
  const { facts, parts } = await opened(mail);
  expect(facts).toContainEqual({ name: 'Files', text: 'a.txt (text/plain, 3 bytes)' });
  expect(parts).toEqual([
    { name: 'HTML', text: '<b>Hello</b>', frame: `${mail.path}/html` },
    { name: 'Text', text: expect.stringMatching(/^y+\n… the first 262144 of 30000\d bytes$/) },
    { name: 'Source', text: expect.stringMatching(/^From: followers@example\.test\r\n/) },
  ]);
  expect(await call(`${inbox.pushUrl}/~/mails/nosuch`)).toMatchObject({ status: 404 });
});
