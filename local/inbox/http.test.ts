import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { call, listMails, openStream, SOON, sendMail, startTestInbox } from '../testing/test-inbox';

const portOf = (url: string) => new URL(url).port;

test.concurrent.each([
  'evil.example',
  'evil.example:8025',
  '127.0.0.1.evil.example',
  '0.0.0.0',
  'localhost.evil.example:1',
])('When the Host header is %j, then the request is refused, because of DNS rebinding', async (host) => {
  const inbox = await startTestInbox();
  for (const url of [inbox.mailUrl, inbox.pushUrl]) {
    expect(await call(`${url}/`, { headers: { host } })).toMatchObject({ status: 421 });
  }
  const publish = { method: 'POST', headers: { host }, body: 'x' };
  expect(await call(`${inbox.pushUrl}/t`, publish)).toMatchObject({ status: 421 });
  expect((await call(`${inbox.pushUrl}/t/json?poll=1`)).text).toBe('');
});

test.concurrent.each(['localhost', 'localhost:8025', '127.0.0.1:1', '[::1]:8025', 'LOCALHOST'])(
  'When the Host header is %s, then the request is served',
  async (host) => {
    const { mailUrl } = await startTestInbox();
    expect(await call(`${mailUrl}/livez`, { headers: { host } })).toMatchObject({ status: 200 });
  },
);

test.concurrent('When a web page of another origin sends a change, then it is refused, and a change from our page is not', async () => {
  const inbox = await startTestInbox();
  await sendMail(inbox);
  const changes = [
    ['GET', `${inbox.mailUrl}/api/v1/message/latest`, undefined], // marks the mail as read
    ['DELETE', `${inbox.mailUrl}/api/v1/messages`, ''],
    ['PUT', `${inbox.mailUrl}/api/v1/chaos`, '{}'],
    ['PUT', `${inbox.mailUrl}/~/faults`, '{}'],
    ['DELETE', `${inbox.pushUrl}/~/messages`, ''],
    ['POST', `${inbox.pushUrl}/topic`, 'x'],
    ['POST', `${inbox.pushUrl}/`, '{"topic":"t"}'],
  ] as const;
  for (const [method, url, body] of changes) {
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1', `https://127.0.0.1:${portOf(url)}`]) {
      expect(await call(url, { method, ...(body !== undefined && { body }), headers: { origin } })).toMatchObject({
        status: 403,
      });
    }
  }
  expect(await listMails(inbox)).toMatchObject({ total: 1, unread: 1 });
  const { origin } = new URL(inbox.pushUrl);
  expect(await call(`${inbox.pushUrl}/~/messages`, { method: 'DELETE', headers: { origin } })).toMatchObject({
    status: 204,
  });
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
});

test.concurrent('When a request has two Host headers, then it is refused', async () => {
  const inbox = await startTestInbox();
  const socket = connect(Number(portOf(inbox.mailUrl)), '127.0.0.1');
  socket.end('DELETE /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n');
  expect(Buffer.concat(await socket.toArray()).toString()).toMatch(/^HTTP\/1\.1 400 /);
});

test.concurrent('When the path is unknown, then the status is 404, and when the method is not allowed, then it is 405', async () => {
  const { mailUrl, pushUrl } = await startTestInbox();
  expect(await call(`${mailUrl}/nothing`)).toMatchObject({ status: 404, json: { Error: expect.any(String) } });
  expect(await call(`${mailUrl}/~/../main.ts`)).toMatchObject({ status: 404 });
  expect(await call(`${mailUrl}/~/no.css`)).toMatchObject({ status: 404 });
  expect(await call(`${pushUrl}/a/b/c`)).toMatchObject({ status: 404, json: { code: 40401, http: 404 } });
  const wrong = await call(`${mailUrl}/api/v1/messages`, { method: 'POST', body: '' });
  expect(wrong).toMatchObject({ status: 405, headers: { allow: 'GET, DELETE' } });
  expect(await call(`${pushUrl}/topic`, { method: 'PATCH', body: '' })).toMatchObject({
    status: 405,
    headers: { allow: 'GET, POST, PUT' },
  });
});

test.concurrent('When the body is too large, then the status is 413, and the next request is served', async () => {
  const { mailUrl, pushUrl } = await startTestInbox();
  const body = Buffer.alloc(3 * 1024 * 1024, 'x');
  expect(await call(`${mailUrl}/api/v1/chaos`, { method: 'PUT', body })).toMatchObject({ status: 413 });
  expect(await call(`${pushUrl}/t`, { method: 'POST', body })).toMatchObject({ status: 413, json: { http: 413 } });
  expect(await call(`${pushUrl}/v1/health`)).toMatchObject({ status: 200 });
});

test.concurrent('When the body is not valid JSON, then the status is 400', async () => {
  const { mailUrl } = await startTestInbox();
  const broken = await call(`${mailUrl}/api/v1/chaos`, { method: 'PUT', body: '{"Sender":' });
  expect(broken).toMatchObject({ status: 400, json: { Error: expect.stringContaining('JSON') } });
});

test.concurrent('When a request is answered, then the headers forbid caching, content sniffing and framing', async () => {
  const { mailUrl, pushUrl } = await startTestInbox();
  for (const url of [`${mailUrl}/`, `${mailUrl}/api/v1/messages`, `${mailUrl}/no`, `${pushUrl}/~/page.mjs`]) {
    const { headers } = await call(url);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
    });
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  }
});

test.concurrent('When the method is HEAD, then the answer has no body', async () => {
  const { mailUrl } = await startTestInbox();
  const reply = await call(`${mailUrl}/api/v1/messages`, { method: 'HEAD' });
  expect(reply).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'application/json' } });
});

test.concurrent('When a client sends bytes that are not HTTP, then its connection is closed, and other clients are served', async () => {
  const { mailUrl } = await startTestInbox();
  const socket = connect(Number(portOf(mailUrl)), '127.0.0.1');
  let ended = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  socket.resume();
  socket.write('\u0000\u0001garbage\r\n\r\n');
  await vi.waitFor(() => expect(ended).toBe(true), SOON);
  expect(await call(`${mailUrl}/livez`)).toMatchObject({ status: 200 });
});

test.concurrent('When a reader of a stream disconnects, then other readers still get new messages', async () => {
  const inbox = await startTestInbox();
  const socket = connect(Number(portOf(inbox.pushUrl)), '127.0.0.1');
  socket.write('GET /t/json HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  const stream = await openStream(`${inbox.pushUrl}/t/json`);
  await call(`${inbox.pushUrl}/t`, { method: 'POST', body: 'still here' });
  await vi.waitFor(() => expect(stream.text).toContain('still here'), SOON);
});
