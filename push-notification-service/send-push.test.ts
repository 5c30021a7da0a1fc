import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { PermanentFailure } from '../common/dapr/subscription';
import { captureLog } from '../common/testing/captured-log';
import { createPushSender } from './send-push';

const follow = { follower: 'alice', followee: 'bob' };
const { logger, lines } = captureLog();
const waiting = new AbortController().signal;
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
  vi.unstubAllEnvs();
  lines.length = 0;
});

type Answer = (res: ServerResponse) => void;

/** Starts a push server. Returns its requests, and a sender that sends to it. */
async function start(answer: Answer = (res) => res.end('{}'), timeoutMs?: number) {
  const requests: { request: IncomingMessage; body: unknown }[] = [];
  const server = createServer(async (request, res) => {
    requests.push({ request, body: JSON.parse(Buffer.concat(await request.toArray()).toString()) });
    answer(res);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { ...sender(`http://127.0.0.1:${port}`, timeoutMs), requests, server };
}

function sender(pushUrl: string, timeoutMs?: number) {
  const created = createPushSender({ pushUrl, topicPrefix: 'followers-', token: 'tk_sesame' }, logger, timeoutMs);
  cleanUps.push(created.close);
  return created;
}

const failure = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail('the message was sent'),
    (error) => error,
  );

describe('a message', () => {
  test('When a follow is sent, then the topic of the followee gets a message with the name of the follower', async () => {
    const { sendPush, requests } = await start();
    await sendPush(follow, 'event-1', waiting);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.request).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer tk_sesame' } });
    expect(requests[0]?.body).toEqual({
      topic: 'followers-bob',
      title: 'New follower',
      message: 'alice follows you',
      tags: ['bust_in_silhouette'],
      sequence_id: 'event-1',
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ eventId: 'event-1', msg: 'notified bob by push message: alice follows you' }),
    );
  });

  test('When several messages are sent in sequence, then they use one connection', async () => {
    const { sendPush, requests } = await start();
    for (let i = 0; i < 5; i += 1) await sendPush(follow, `event-${i}`, waiting);
    expect(new Set(requests.map(({ request }) => request.socket)).size).toBe(1);
  });

  test('When the server announces its keep-alive timeout, then the sender closes an idle connection earlier', async () => {
    const { sendPush, requests, server } = await start();
    server.keepAliveTimeout = 2_000;
    await sendPush(follow, 'event-1', waiting);
    const [sent] = requests;
    // `end` shows that the sender has closed the connection. If the server closed it, the socket would have no `end`.
    await expect(once(sent?.request.socket as Socket, 'end', { signal: AbortSignal.timeout(5_000) })).resolves.toEqual(
      [],
    );
  });
});

describe('a 2xx answer', () => {
  const bodies: [string, Answer][] = [
    ['is empty', (res) => void res.writeHead(204).end()],
    ['is not JSON', (res) => void res.writeHead(202, { 'content-type': 'application/json' }).end('<html>')],
    ['is very large', (res) => void res.end('x'.repeat(1_000_000))],
    ['never ends', (res) => void res.writeHead(200).write('{')],
    ['is cut off', (res) => void res.writeHead(200, { 'content-length': '9' }).write('{', () => res.destroy())],
    ['is not the gzip that it says', (res) => void res.writeHead(200, { 'content-encoding': 'gzip' }).end('{}')],
    ['has an encoding that nobody knows', (res) => void res.writeHead(299, { 'content-encoding': 'x' }).end('{}')],
  ];
  test.each(bodies)(
    'When the body of the answer %s, then the message is sent, and so is the next one',
    async (_, answer) => {
      const { sendPush, requests } = await start(answer, 200);
      await sendPush(follow, 'event-1', waiting);
      await sendPush(follow, 'event-2', waiting);
      expect(requests.map(({ body }) => body)).toMatchObject([{ sequence_id: 'event-1' }, { sequence_id: 'event-2' }]);
    },
  );

  test('When the body of the answer never ends, then the sender closes the connection', async () => {
    const { sendPush, requests } = await start((res) => void res.writeHead(200).write('{'), 200);
    await sendPush(follow, 'event-1', waiting);
    const socket = requests[0]?.request.socket as Socket;
    await vi.waitFor(() => expect(socket.destroyed).toBe(true), { timeout: 20_000 });
  });
});

describe('a proxy in the environment', () => {
  /** Starts a proxy that answers by itself, and sets it in all variables. Returns the first lines of its requests. */
  async function startProxy(): Promise<string[]> {
    const seen: string[] = [];
    const proxy = createServer((req, res) => {
      seen.push(`${req.method} ${req.url}`);
      req.resume().once('end', () => res.end('{}'));
    });
    proxy.on('connect', ({ url }, socket) => {
      seen.push(`CONNECT ${url}`);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    cleanUps.push(() => proxy.close().closeAllConnections());
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'])
      vi.stubEnv(name, url);
    return seen;
  }

  test.each(['127.0.0.1', 'localhost'])(
    'When the push server is %s, then the sender connects directly',
    async (host) => {
      const proxied = await startProxy();
      const { server, requests } = await start();
      await sender(`http://${host}:${(server.address() as AddressInfo).port}`).sendPush(follow, 'event-1', waiting);
      expect(requests).toHaveLength(1);
      expect(proxied).toEqual([]);
    },
  );

  test.each(['http://ntfy', 'https://ntfy:1', 'http://ntfy.default.svc.cluster.local', 'http://127.9.9.9:1'])(
    'When the push server is %s, which only this network knows, then the proxy gets no request',
    async (url) => {
      const proxied = await startProxy();
      await failure(sender(url, 2_000).sendPush(follow, 'event-1', waiting));
      expect(proxied).toEqual([]);
    },
  );

  test('When the push server is on the internet, then the request goes through the proxy', async () => {
    const proxied = await startProxy();
    await sender('http://push.example.com').sendPush(follow, 'event-1', waiting);
    expect(proxied).toEqual(['POST http://push.example.com/']);
  });

  test('When the push server on the internet has TLS, then the proxy gets a CONNECT, and its refusal is a temporary failure', async () => {
    const proxied = await startProxy();
    const error = await failure(sender('https://push.example.com').sendPush(follow, 'event-1', waiting));
    expect(proxied).toEqual(['CONNECT push.example.com:443']);
    expect(error).not.toBeInstanceOf(PermanentFailure);
  });

  test('When NO_PROXY names the push server, then the proxy gets no request', async () => {
    const proxied = await startProxy();
    vi.stubEnv('NO_PROXY', '.example.invalid');
    await failure(sender('http://push.example.invalid', 2_000).sendPush(follow, 'event-1', waiting));
    expect(proxied).toEqual([]);
  });
});

describe('failures', () => {
  test.each([
    [408, false],
    [425, false],
    [429, false],
    [500, false],
    [502, false],
    [503, false],
    [507, false],
    [301, true],
    [400, true],
    [401, true],
    [403, true],
    [404, true],
    [413, true],
    [501, true],
    [505, true],
  ])('When the server answers %s, then the failure is permanent: %s', async (status, permanent) => {
    const { sendPush, requests } = await start((res) => res.writeHead(status, { location: '/elsewhere' }).end());
    const error = await failure(sendPush(follow, 'event-1', waiting));
    expect(error instanceof PermanentFailure).toBe(permanent);
    expect(error.message).toBe(`push message: the server answered ${status}`);
    expect(requests).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  test('When no server listens, then the failure is temporary, and the error names the address', async () => {
    const error = await failure(sender('http://127.0.0.1:1').sendPush(follow, 'event-1', waiting));
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(error.message).toContain('ECONNREFUSED 127.0.0.1:1');
  });

  test.each([
    ['closes the connection', (res: ServerResponse) => void res.destroy()],
    ['never answers', () => {}],
  ])('When the server %s, then the sender stops waiting, and the failure is temporary', async (_, answer) => {
    const { sendPush } = await start(answer, 200);
    expect(await failure(sendPush(follow, 'event-1', waiting))).not.toBeInstanceOf(PermanentFailure);
  });

  test('When the server takes longer to answer than the delivery timeout of Dapr, then the sender still waits, because a retry could send the message twice', async () => {
    const { sendPush, requests } = await start((res) => void setTimeout(() => res.end('{}'), 5_500));
    await sendPush(follow, 'event-1', waiting);
    expect(requests).toHaveLength(1);
  });
});
