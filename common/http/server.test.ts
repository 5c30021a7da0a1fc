import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { afterEach, expect, test, vi } from 'vitest';
import { closeAfterAnswers, closeServer, createHttpServer, HEADERS_TIMEOUT_MS, IDLE_HINT_S } from './server';

let server: Server;
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function listen(app = express()): Promise<number> {
  server = createHttpServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Sends bytes. Resolves with all received bytes when the connection is closed. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

test.each([
  ['a request that is not HTTP', 'hello\r\n\r\n', 400],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['bytes of TLS', '\x16\x03\x01\x02\x00', 400],
  ['HTTP/2 without an upgrade', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  [
    'two framings of the body',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: v\r\n\r\n', 400],
  ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
  ['headers of 20 KB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ['CONNECT', 'CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
])('When a client sends %s, then it gets a problem document', async (_, bytes, status) => {
  const port = await listen();
  const answer = await exchange(port, bytes);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain('content-type: application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status, detail: expect.stringMatching(/./) });
});

test('When a request has an unknown Expect header, then the app answers it', async () => {
  const app = express();
  app.use((_req, res) => void res.send('from the app'));
  const answer = await exchange(
    await listen(app),
    'GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toContain('from the app');
});

test('When an answer leaves the connection open, then it says for how long a client should keep it, which is shorter than the delay of a stop on Kubernetes', async () => {
  const app = express();
  app.use((_req, res) => void res.send('from the app'));
  const port = await listen(app);
  const answerTo = async (connection: string) =>
    (await exchange(port, `GET / HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\n\r\n`)).toLowerCase();
  const first = answerTo('keep-alive'); // its connection stays open until the server closes
  const last = await answerTo('close');
  expect(last).toContain('connection: close');
  expect(last).not.toContain('keep-alive');
  closeAfterAnswers(server);
  expect(await answerTo('keep-alive')).not.toContain('keep-alive');
  void closeServer(server);
  expect(await first).toContain(`keep-alive: timeout=${IDLE_HINT_S}\r\n`);

  const services = readFileSync(join(__dirname, '../../kubernetes/base/services.yaml'), 'utf8');
  const [, delayMs] = /SHUTDOWN_DELAY_MS, value: "(\d+)"/.exec(services) ?? [];
  expect(1_000 * IDLE_HINT_S).toBeLessThan(Number(delayMs));
});

test('When the server closes, then it answers a request in flight and then closes the connection', async () => {
  const app = express();
  let finish: (() => void) | undefined;
  app.get('/slow', (_req, res) => {
    finish = () => res.send('done');
  });
  const answer = exchange(await listen(app), 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await vi.waitFor(() => expect(finish).toBeDefined());

  const closed = closeServer(server);
  finish?.();
  expect(await answer).toMatch(/done$/);
  await closed;
});

test('When the method is unknown, then the answer names it', async () => {
  const answer = await exchange(await listen(), 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(answer).toContain('The method BREW is not known here.');
});

test.each([
  ['nothing', ''],
  ['a part of a header', 'GET /slow HTTP/1.1\r\nHo'],
  ['a request and a part of the next one', 'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo'],
  ['a part of a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{'],
])(
  'When %s has arrived over a connection, then the server does not wait for the rest when it closes',
  async (_, bytes) => {
    const app = express();
    app.use(express.text({ type: () => true }), (_req, res) => void res.send('done'));
    app.use(((_error, _req, _res, _next) => {}) as express.ErrorRequestHandler);
    const open = connect(await listen(app), '127.0.0.1');
    await once(open, 'connect');
    if (bytes) await new Promise((resolve) => open.write(bytes, resolve));
    const ended = once(open, 'close');
    open.resume();
    const startedAt = Date.now();
    await Promise.all([closeServer(server), ended]);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
  },
);

test('When a part of a request has arrived behind one in progress, then the server answers that one and closes', async () => {
  const app = express();
  const finish: (() => void)[] = [];
  app.use((_req, res) => void finish.push(() => res.send('done')));
  const part = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{';
  const port = await listen(app);
  const answers = ['GET / HT', part].map((next) => exchange(port, `GET /slow HTTP/1.1\r\nHost: x\r\n\r\n${next}`));
  await vi.waitFor(() => expect(finish.length).toBeGreaterThanOrEqual(2), { timeout: 20_000 });
  const closed = closeServer(server);
  setTimeout(() => finish.map((end) => end()), 1_500); // longer than the server waits for requests to arrive
  for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*done/);
  await closed;
});

test('When the rest of an answered request cannot be read, then the server closes the connection without a second answer', async () => {
  const app = express();
  app.use((_req, res) => void res.send('from the app'));
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const answer = await exchange(await listen(app), `${head}3\r\nabc\r\nzz\r\n`);
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1);
});

test('When bytes that are no request follow a request, then they do not change its answer', async () => {
  const app = express();
  app.use((_req, res) => {
    res.write('begin ');
    setTimeout(() => res.end('end'), 200);
  });
  const answer = exchange(await listen(app), 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}BREW x\r\n\r\n');
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*begin [\s\S]*end\r\n0\r\n\r\n$/);
});

test('When a request with an unknown Expect header comes while the server closes, then its answer ends the connection', async () => {
  const app = express();
  app.use((_req, res) => void res.send('from the app'));
  const port = await listen(app);
  closeAfterAnswers(server);
  const answer = await exchange(port, 'GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n');
  expect(answer.toLowerCase()).toContain('connection: close');
});

test('When a client does not finish its headers within ten seconds, then it gets 408 and the server closes the connection', {
  timeout: 60_000,
}, async () => {
  expect(HEADERS_TIMEOUT_MS).toBe(10_000);
  const port = await listen();
  const startedAt = Date.now();
  const answer = await exchange(port, 'GET / HTTP/1.1\r\nHost: x\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(9_900);
  expect(Date.now() - startedAt).toBeLessThan(20_000);
});
