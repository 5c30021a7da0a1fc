import { expect, test, vi } from 'vitest';
import { call, openStream, SOON, startTestInbox } from '../testing/test-inbox';

const publish = (url: string, headers: Record<string, string> = {}, body = 'x') =>
  call(url, { method: 'POST', body, headers });

const textOf = async (url: string) => (await call(url)).text;

/** Every name in ntfy's documentation for what the inbox refuses, with a valid value. */
const REFUSED: [string, string, string[]][] = [
  ['delay', '30min', ['X-Delay', 'Delay', 'X-At', 'At', 'X-In', 'In']],
  ['email', 'bob@example.test', ['X-Email', 'X-E-Mail', 'Email', 'E-Mail', 'mail', 'e']],
  ['call', '+12223334444', ['X-Call', 'Call']],
  ['attach', 'https://example.test/a.png', ['X-Attach', 'Attach', 'a']],
  ['filename', 'a.png', ['X-Filename', 'Filename', 'file', 'f']],
  ['actions', 'view, Open, https://example.test', ['X-Actions', 'Actions', 'Action']],
  ['template', 'yes', ['X-Template', 'Template', 'tpl']],
  ['unifiedpush', '1', ['X-UnifiedPush', 'UnifiedPush', 'up']],
  ['poll-id', 'abcdefghijkl', ['X-Poll-ID', 'Poll-ID']],
];
const names = REFUSED.flatMap(([feature, value, all]) => all.map((name) => [name, feature, value] as const));

test.concurrent.each(names)(
  'When a publish names %s, then it is refused as %s, in a header, in a query and beside JSON',
  async (name, feature, value) => {
    const { pushUrl } = await startTestInbox();
    const json = JSON.stringify({ topic: 't', message: 'x' });
    const query = `?${name.toLowerCase()}=${encodeURIComponent(value)}`;
    const replies = await Promise.all([
      publish(`${pushUrl}/t`, { [name]: value }),
      publish(`${pushUrl}/t${query}`),
      publish(`${pushUrl}/t?${name}=${encodeURIComponent(value)}`),
      publish(`${pushUrl}/t?${name}=&${name}=${encodeURIComponent(value)}`),
      publish(`${pushUrl}/t/sequence${query}`),
      publish(`${pushUrl}/`, { [name]: value }, json),
      publish(`${pushUrl}/${query}`, {}, json),
    ]);
    const error = `invalid request: this inbox does not support ${feature}`;
    for (const reply of replies) expect(reply).toMatchObject({ status: 400, json: { code: 40000, error } });
    expect(await textOf(`${pushUrl}/t/json?poll=1`)).toBe('');
  },
);

test.concurrent.each([
  ['delay', '10pm', 'delay'],
  ['Delay', '10pm', 'delay'],
  ['at', '10pm', 'delay'],
  ['x_in', 30, 'delay'],
  ['email', 'bob@example.test', 'email'],
  ['call', 'yes', 'call'],
  ['attach', 'https://example.test/a.png', 'attach'],
  ['FILENAME', 'a.png', 'filename'],
  ['actions', [{ action: 'view' }], 'actions'],
  ['template', 'github', 'template'],
])('When the JSON of a publish has the field %s, then it is refused', async (name, value, feature) => {
  const { pushUrl } = await startTestInbox();
  const reply = await publish(`${pushUrl}/`, {}, JSON.stringify({ topic: 't', message: 'x', [name]: value }));
  expect(reply).toMatchObject({ status: 400, json: { code: 40000, error: expect.stringContaining(feature) } });
  expect(await textOf(`${pushUrl}/t/json?poll=1`)).toBe('');
});

test.concurrent.each([
  ['a header', { Delay: ' ' }, '', ''],
  ['a query parameter', {}, '?delay=&up=0', ''],
  ['JSON', {}, '', JSON.stringify({ topic: 't', message: 'x', delay: '', email: null, actions: [], call: false })],
])('When a refused parameter has no value in %s, then the message is accepted', async (_form, headers, query, json) => {
  const { pushUrl } = await startTestInbox();
  const reply = json ? await publish(`${pushUrl}/`, {}, json) : await publish(`${pushUrl}/t${query}`, headers);
  expect(reply).toMatchObject({ status: 200, json: { message: 'x' } });
});

test.concurrent.each([
  [415, { 'Content-Encoding': 'aes128gcm' }],
  [415, { 'Content-Encoding': 'gzip' }],
  [400, { 'Content-Range': 'bytes 0-0/2' }],
])('When a publish is answered with %i, then the reason is a header of HTTP: %j', async (status, headers) => {
  const { pushUrl } = await startTestInbox();
  expect(await publish(`${pushUrl}/t`, headers)).toMatchObject({ status });
  expect(await publish(`${pushUrl}/t?content-encoding=aes128gcm`)).toMatchObject({ status: 415 });
  expect(await textOf(`${pushUrl}/t/json?poll=1`)).toBe('');
});

test.concurrent.each(['publish', 'send', 'trigger', 'ws'])(
  'When ntfy would publish or stream on GET /t/%s, then the inbox refuses the method',
  async (path) => {
    const { pushUrl } = await startTestInbox();
    expect(await call(`${pushUrl}/t/${path}?message=x`)).toMatchObject({ status: 405 });
    expect(await textOf(`${pushUrl}/t/json?poll=1`)).toBe('');
  },
);

test.concurrent.each([
  ['a header', { Cache: 'no' }, '', ''],
  ['a header with X-', { 'X-Cache': 'No' }, '', ''],
  ['a query parameter', {}, '?cache=0', ''],
  ['JSON', {}, '', JSON.stringify({ topic: 't', message: 'x', cache: 'no' })],
])(
  'When %s forbids the cache, then only the readers of that moment get the message',
  async (_form, headers, query, json) => {
    const { pushUrl } = await startTestInbox();
    const stream = await openStream(`${pushUrl}/t/json`);
    const reply = json ? await publish(`${pushUrl}/`, {}, json) : await publish(`${pushUrl}/t${query}`, headers);
    expect(reply.json).not.toHaveProperty('expires');
    await vi.waitFor(() => expect(stream.text).toContain(reply.json.id), SOON);
    for (const since of ['all', 'latest', '1h']) {
      expect(await textOf(`${pushUrl}/t/json?poll=1&since=${since}`)).toBe('');
    }
  },
);

test.concurrent('When a publish forbids Firebase, then it is accepted, because the inbox never sends to it', async () => {
  const { pushUrl } = await startTestInbox();
  expect(await publish(`${pushUrl}/t`, { Firebase: 'no' })).toMatchObject({ status: 200 });
});

test.concurrent.each([
  ['markdown in a header', { md: '1' }, { content_type: 'text/markdown' }],
  ['a content type', { 'Content-Type': 'text/markdown' }, { content_type: 'text/markdown' }],
  ['an icon', { Icon: 'https://example.test/i.png' }, { icon: 'https://example.test/i.png' }],
  ['a title beside JSON', { Title: 'New follower' }, { title: 'New follower' }],
])('When a publish has %s, then the message has it', async (_what, headers, expected) => {
  const { pushUrl } = await startTestInbox();
  expect((await publish(`${pushUrl}/t`, headers)).json).toMatchObject(expected);
  expect((await publish(pushUrl, headers, '{"topic":"t"}')).json).toMatchObject(expected);
});

test.concurrent.each(['x-poll=1', 'poll=yes', 'po=true', 'Poll=1', 'X-Poll=1'])(
  'When a reader polls with %s, then the answer ends',
  async (query) => {
    const { pushUrl } = await startTestInbox();
    await publish(`${pushUrl}/t`);
    expect(await textOf(`${pushUrl}/t/json?${query}&sched=1`)).toContain('"message":"x"');
  },
);

test.concurrent('When a reader filters by the name of a priority, then it gets the messages of that priority', async () => {
  const { pushUrl } = await startTestInbox();
  await publish(`${pushUrl}/t`, { Priority: 'urgent' }, 'one');
  await publish(`${pushUrl}/t`, {}, 'two');
  expect(await textOf(`${pushUrl}/t/raw?poll=1&priority=max`)).toBe('one\n');
  expect(await textOf(`${pushUrl}/t/raw?poll=1&p=low,default`)).toBe('two\n');
  expect(await call(`${pushUrl}/t/raw?poll=1&p=huge`)).toMatchObject({ status: 400, json: { code: 40007 } });
});
