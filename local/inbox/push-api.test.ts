import { expect, test, vi } from 'vitest';
import { call, openStream, SOON, setFaults, startTestInbox } from '../testing/test-inbox';

const post = (url: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  call(url, { method: 'POST', body, headers });

const poll = async (url: string) => {
  const { text } = await call(url);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
};

const bodies = (messages: { message: string }[]) => messages.map(({ message }) => message).join('');

test('When a message is published, then the answer is the same as from ntfy, and readers get that message', async () => {
  const { pushUrl } = await startTestInbox();
  const headers = { Title: 'New follower', Priority: 'high', Tags: 'wave, tada', Click: 'https://example.test/alice' };
  const { status, json } = await post(`${pushUrl}/followers-bob`, ' alice follows you\n', headers);
  expect(status).toBe(200);
  expect(json).toEqual({
    id: expect.stringMatching(/^[A-Za-z0-9]{12}$/),
    time: expect.closeTo(Date.now() / 1000, -1),
    expires: json.time + 12 * 3600,
    event: 'message',
    topic: 'followers-bob',
    title: 'New follower',
    message: 'alice follows you',
    priority: 4,
    tags: ['wave', 'tada'],
    click: 'https://example.test/alice',
  });
  expect(await poll(`${pushUrl}/followers-bob/json?poll=1`)).toEqual([json]);
});

test.each([
  ['X- headers', '/t', 'hi', { 'X-Title': 'größer ✓', 'X-Priority': '4', 'X-Tags': 'a,b' }],
  ['short headers', '/t', 'hi', { t: 'größer ✓', p: 'high', ta: 'a,b' }],
  ['encoded words', '/t', 'hi', { Title: '=?UTF-8?B?Z3LDtg==?= =?utf-8?q?=C3=9Fer_=E2=9C=93?=', p: '4', tags: 'a,b' }],
  ['query parameters', `/t?title=${encodeURIComponent('größer ✓')}&priority=4&tags=a,b&message=hi`, '', {}],
  ['a priority of RFC 9218 beside', '/t', 'hi', { Title: 'größer ✓', Priority: 'u=3, i', p: '4', tags: 'a,b' }],
  ['JSON', '/', JSON.stringify({ topic: 't', title: 'größer ✓', message: 'hi', priority: 4, tags: ['a', 'b'] }), {}],
])('When a message is published with %s, then the message is the same', async (_form, path, body, headers) => {
  const { pushUrl } = await startTestInbox();
  // Node sends one byte for each character of a header value.
  const bytes = Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
  const { json } = await post(pushUrl + path, body, Object.fromEntries(bytes));
  expect(json).toMatchObject({ topic: 't', title: 'größer ✓', message: 'hi', priority: 4, tags: ['a', 'b'] });
});

test('When a message has no text, then its text is the default of ntfy', async () => {
  const { pushUrl } = await startTestInbox();
  expect((await call(`${pushUrl}/t`, { method: 'PUT' })).json).toMatchObject({ message: 'triggered' });
  expect((await post(pushUrl, '{"topic":"t"}')).json).toMatchObject({ message: 'triggered' });
});

test.each([
  ['a header', '/t', 'x', { 'X-Sequence-ID': 'event-1' }],
  ['a query parameter', '/t?sid=event-1', 'x', {}],
  ['the path', '/t/event-1', 'x', {}],
  ['JSON', '/', '{"topic":"t","message":"x","sequence_id":"event-1"}', {}],
])('When a message has a sequence id in %s, then readers get the sequence id', async (_form, path, body, headers) => {
  const { pushUrl } = await startTestInbox();
  await post(pushUrl + path, body, headers as Record<string, string>);
  expect(await poll(`${pushUrl}/t/json?poll=1`)).toMatchObject([{ sequence_id: 'event-1' }]);
});

test.each([
  [413, 41301, 'a message that is too long', '/t', 'x'.repeat(4096), {}],
  [413, 41303, 'JSON that is too long', '/', JSON.stringify({ topic: 't', title: 'x'.repeat(9_000) }), {}],
  [404, 40401, 'an invalid topic', '/no.topic', 'x', {}],
  [404, 40401, 'a topic that is too long', `/${'t'.repeat(65)}`, 'x', {}],
  [400, 40009, 'JSON with an invalid topic', '/', '{"topic":"no topic"}', {}],
  [400, 40009, 'JSON without a topic', '/', '{}', {}],
  [400, 40024, 'invalid JSON', '/', '{"topic":', {}],
  [400, 40017, 'JSON that is not an object', '/', 'null', {}],
  [400, 40017, 'JSON with a title that is not a string', '/', '{"topic":"t","title":1}', {}],
  [400, 40017, 'JSON with tags that are not a list', '/', '{"topic":"t","tags":"a"}', {}],
  [400, 40007, 'an invalid priority', '/t', 'x', { Priority: '6' }],
  [400, 40007, 'JSON with an invalid priority', '/', '{"topic":"t","priority":9}', {}],
  [400, 40049, 'an invalid sequence id', '/t', 'x', { 'X-Sequence-ID': 'a b' }],
  [400, 40011, 'bytes that are not UTF-8', '/t', Buffer.from([0xff, 0xfe]), {}],
  [400, 40000, 'a field that the inbox does not support', '/t', 'x', { Delay: '1h' }],
])(
  'When a publish is answered with %i (code %i), then the reason is %s',
  async (http, code, _problem, path, body, headers) => {
    const { pushUrl } = await startTestInbox();
    const reply = await post(pushUrl + path, body, headers as Record<string, string>);
    expect(reply).toMatchObject({ status: http, json: { code, http, error: expect.any(String) } });
    expect(await poll(`${pushUrl}/t/json?poll=1`)).toEqual([]);
  },
);

test('When a message has the maximum length, then it is accepted', async () => {
  const { pushUrl } = await startTestInbox();
  expect(await post(`${pushUrl}/t`, 'ä'.repeat(2047))).toMatchObject({ status: 200 });
});

test('When a poll has since, then it returns only the messages after that point', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000_000 });
  try {
    const { pushUrl } = await startTestInbox();
    const first = (await post(`${pushUrl}/a`, '1')).json;
    vi.setSystemTime(1_000_000_060_000);
    await post(`${pushUrl}/b`, '2');
    await post(`${pushUrl}/a`, '3');
    await post(`${pushUrl}/c`, '4');
    const since = async (text: string, topics = 'a,b') =>
      bodies(await poll(`${pushUrl}/${topics}/json?poll=1&since=${text}`));
    expect(await since('')).toBe('123');
    expect(await since('all')).toBe('123');
    expect(await since('none')).toBe('');
    expect(await since('latest')).toBe('32');
    expect(await since(first.id)).toBe('23');
    expect(await since(first.id, 'a')).toBe('3');
    expect(await since('unknownabcde')).toBe('123');
    expect(await since('1000000000')).toBe('123');
    expect(await since('1000000001')).toBe('23');
    expect(await since('30s')).toBe('23');
    expect(await since('1m30s')).toBe('123');
    const bad = await call(`${pushUrl}/a/json?poll=1&since=yesterday`);
    expect(bad).toMatchObject({ status: 400, json: { code: 40008, http: 400 } });
  } finally {
    vi.useRealTimers();
  }
});

test('When a reader filters, then it gets only matching messages', async () => {
  const { pushUrl } = await startTestInbox();
  await post(`${pushUrl}/t`, '1', { Title: 'one', Tags: 'x,y', Priority: '5' });
  await post(`${pushUrl}/t`, '2', { Title: 'two', Tags: 'x' });
  const wanted = async (query: string) => bodies(await poll(`${pushUrl}/t/json?poll=1&${query}`));
  expect(await wanted('title=two')).toBe('2');
  expect(await wanted('tags=x')).toBe('12');
  expect(await wanted('tags=x,y')).toBe('1');
  expect(await wanted('priority=3,4')).toBe('2');
  expect(await wanted('message=1')).toBe('1');
});

test('When a reader stays connected, then it gets new messages of its topics, and keepalives', async () => {
  const { pushUrl } = await startTestInbox({ keepaliveMs: 20 });
  await post(`${pushUrl}/a`, 'before');
  const stream = await openStream(`${pushUrl}/a,b/json`);
  const events = () =>
    stream.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  await vi.waitFor(() => expect(events()[0]).toMatchObject({ event: 'open', topic: 'a,b' }), SOON);
  await post(`${pushUrl}/c`, 'elsewhere');
  await post(`${pushUrl}/b`, 'one');
  const told = () => events().filter(({ event }) => event === 'message');
  await vi.waitFor(() => expect(told()).toMatchObject([{ topic: 'b', message: 'one' }]), SOON);
  await vi.waitFor(() => expect(events().at(-1)).toMatchObject({ event: 'keepalive', topic: 'a,b' }), SOON);
});

test('When a reader stays connected with since=all, then it gets old messages first, in each format', async () => {
  const { pushUrl } = await startTestInbox();
  const first = (await post(`${pushUrl}/t`, 'one\ntwo')).json;
  const [json, sse, raw] = await Promise.all(
    ['json', 'sse', 'raw'].map((format) => openStream(`${pushUrl}/t/${format}?since=all`)),
  );
  const second = (await post(`${pushUrl}/t`, 'three')).json;
  const lines = [first, second].map((message) => JSON.stringify(message));
  await vi.waitFor(() => expect(json?.text).toMatch(/^\{.*"open".*\}\n/), SOON);
  await vi.waitFor(() => expect(json?.text.split('\n').slice(1)).toEqual([...lines, '']), SOON);
  const data = lines.map((line) => `data: ${line}\n\n`).join('');
  await vi.waitFor(() => expect(sse?.text).toMatch(/^event: open\ndata: \{.*\}\n\n/), SOON);
  await vi.waitFor(() => expect(sse?.text.endsWith(data)).toBe(true), SOON);
  await vi.waitFor(() => expect(raw?.text).toBe('\none two\nthree\n'), SOON);
});

test('When the trigger Push is on, then pushes are refused with its status and not stored', async () => {
  const inbox = await startTestInbox();
  for (const code of [400, 429, 503]) {
    await setFaults(inbox, { Push: { ErrorCode: code, Probability: 100 } });
    const reply = await post(`${inbox.pushUrl}/t`, 'x');
    expect(reply).toMatchObject({ status: code, json: { http: code, error: expect.any(String) } });
  }
  await setFaults(inbox, {});
  expect(await post(`${inbox.pushUrl}/t`, 'y')).toMatchObject({ status: 200 });
  expect(bodies(await poll(`${inbox.pushUrl}/t/json?poll=1`))).toBe('y');
});

test('When the probability of Push is 50, then a push fails if the random number is below 0.5', async () => {
  const numbers = [0.49, 0.5];
  const inbox = await startTestInbox({ random: () => numbers.shift() ?? 0 });
  await setFaults(inbox, { Push: { ErrorCode: 503, Probability: 50 } });
  expect(await post(`${inbox.pushUrl}/t`, 'x')).toMatchObject({ status: 503 });
  expect(await post(`${inbox.pushUrl}/t`, 'x')).toMatchObject({ status: 200 });
});

test('When the health is requested, then the inbox is healthy', async () => {
  const { pushUrl } = await startTestInbox();
  expect(await call(`${pushUrl}/v1/health`)).toMatchObject({ status: 200, json: { healthy: true } });
});
