import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { anInbox, call, listMails, openStream, SOON, sendMail } from '../testing/test-inbox';

const portOf = (url: string) => new URL(url).port;

test.concurrent.each([
  'evil.example',
  'evil.example:8025',
  '127.0.0.1.evil.example',
  '0.0.0.0',
  'localhost.evil.example:1',
])('When a caller says it came to %j, then it is refused: its name may have been pointed here', async (host) => {
  const inbox = await anInbox();
  for (const url of [inbox.mailUrl, inbox.pushUrl]) {
    expect(await call(`${url}/`, { headers: { host } })).toMatchObject({ status: 421 });
  }
  const publish = { method: 'POST', headers: { host }, body: 'x' };
  expect(await call(`${inbox.pushUrl}/t`, publish)).toMatchObject({ status: 421 });
  expect((await call(`${inbox.pushUrl}/t/json?poll=1`)).text).toBe('');
});

test.concurrent.each(['localhost', 'localhost:8025', '127.0.0.1:1', '[::1]:8025', 'LOCALHOST'])(
  'When a caller says it came to %s, then it is served',
  async (host) => {
    const { mailUrl } = await anInbox();
    expect(await call(`${mailUrl}/livez`, { headers: { host } })).toMatchObject({ status: 200 });
  },
);

test.concurrent('When a web page of another origin wants to change something, then it is refused, and the own page is not', async () => {
  const inbox = await anInbox();
  await sendMail(inbox);
  const changes = [
    ['DELETE', `${inbox.mailUrl}/api/v1/messages`, ''],
    ['PUT', `${inbox.mailUrl}/api/v1/chaos`, '{}'],
    ['PUT', `${inbox.mailUrl}/~/chaos`, '{}'],
    ['DELETE', `${inbox.pushUrl}/~/messages`, ''],
    ['POST', `${inbox.pushUrl}/topic`, 'x'],
    ['POST', `${inbox.pushUrl}/`, '{"topic":"t"}'],
  ] as const;
  for (const [method, url, body] of changes) {
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1', `https://127.0.0.1:${portOf(url)}`]) {
      expect(await call(url, { method, body, headers: { origin } })).toMatchObject({ status: 403 });
    }
  }
  expect(await listMails(inbox)).toMatchObject({ total: 1 });
  const { origin } = new URL(inbox.pushUrl);
  expect(await call(`${inbox.pushUrl}/~/messages`, { method: 'DELETE', headers: { origin } })).toMatchObject({
    status: 204,
  });
  expect(await listMails(inbox)).toMatchObject({ total: 0 });
});

test.concurrent('When a path is not known, then it is 404, and when a method is not, then 405 says which are', async () => {
  const { mailUrl, pushUrl } = await anInbox();
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

test.concurrent('When a body is huge, then it is answered with 413, and the next request is served', async () => {
  const { mailUrl, pushUrl } = await anInbox();
  const body = Buffer.alloc(3 * 1024 * 1024, 'x');
  expect(await call(`${mailUrl}/api/v1/chaos`, { method: 'PUT', body })).toMatchObject({ status: 413 });
  expect(await call(`${pushUrl}/t`, { method: 'POST', body })).toMatchObject({ status: 413, json: { http: 413 } });
  expect(await call(`${pushUrl}/v1/health`)).toMatchObject({ status: 200 });
});

test.concurrent('When JSON is broken, then it is answered with 400', async () => {
  const { mailUrl } = await anInbox();
  const broken = await call(`${mailUrl}/api/v1/chaos`, { method: 'PUT', body: '{"Sender":' });
  expect(broken).toMatchObject({ status: 400, json: { Error: expect.stringContaining('JSON') } });
});

test.concurrent('When anything is answered, then browsers are told not to keep it, guess at it or frame it', async () => {
  const { mailUrl, pushUrl } = await anInbox();
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

test.concurrent('When only the headers are asked for, then there is no body', async () => {
  const { mailUrl } = await anInbox();
  const reply = await call(`${mailUrl}/api/v1/messages`, { method: 'HEAD' });
  expect(reply).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'application/json' } });
});

test.concurrent('When something comes that is no HTTP, then the connection ends, and others are served', async () => {
  const { mailUrl } = await anInbox();
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

test.concurrent('When a reader of a stream leaves, then it is forgotten, and arrivals go on', async () => {
  const inbox = await anInbox();
  const socket = connect(Number(portOf(inbox.pushUrl)), '127.0.0.1');
  socket.write('GET /t/json HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  const stream = await openStream(`${inbox.pushUrl}/t/json`);
  await call(`${inbox.pushUrl}/t`, { method: 'POST', body: 'still here' });
  await vi.waitFor(() => expect(stream.text).toContain('still here'), SOON);
});
