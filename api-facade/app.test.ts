import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SidecarError } from '../common/dapr/sidecar';
import { NotReady } from '../common/http/health';
import { captureLog } from '../common/testing/captured-log';
import { createApp } from './app';

const publish = vi.fn();
const ready = vi.fn();
const { logger, lines } = captureLog('api-facade');
const app = createApp({ publish, ready, logger });

beforeEach(() => {
  publish.mockReset().mockResolvedValue(undefined);
  ready.mockReset().mockResolvedValue(undefined);
  lines.length = 0;
});

const post = () => request(app).post('/followers');
const problem = (res: request.Response) => {
  expect(res.headers['content-type']).toMatch(/^application\/problem\+json/);
  return JSON.parse(res.text);
};

describe('POST /followers', () => {
  test('When there is no body, as in the article, then the demo pair is published', async () => {
    const res = await post().expect(202);
    const follow = { follower: 'alice', followee: 'bob' };
    expect(res.body).toEqual({ id: expect.any(String), ...follow });
    expect(publish).toHaveBeenCalledExactlyOnceWith(follow, res.body.id, expect.anything());
  });

  test('When the body is a follow, then it is published, and the answer has its event id', async () => {
    const follow = { follower: 'carol', followee: 'dave' };
    const res = await post().send(follow).expect(202);
    expect(res.body).toEqual({ id: expect.any(String), ...follow });
    expect(publish).toHaveBeenCalledExactlyOnceWith(follow, res.body.id, expect.anything());
  });

  test('When the broker has not accepted the event yet, then there is no answer yet', async () => {
    let accept = () => {};
    publish.mockReturnValue(
      new Promise<void>((resolve) => {
        accept = resolve;
      }),
    );
    const answered = vi.fn();
    const response = post().then(answered);
    await vi.waitFor(() => expect(publish).toHaveBeenCalled());
    expect(answered).not.toHaveBeenCalled();
    accept();
    await response;
    expect(answered).toHaveBeenCalledWith(expect.objectContaining({ status: 202 }));
  });

  test('When an Idempotency-Key is in quotes, then it is the same key as without them', async () => {
    const ids = ['order-7', '"order-7"', 'order-8'].map(async (key) => {
      return (await post().set('Idempotency-Key', key).expect(202)).body.id;
    });
    const [plain, quoted, other] = await Promise.all(ids);
    expect(quoted).toBe(plain);
    expect(other).not.toBe(plain);
  });

  test('When an Idempotency-Key comes again, then the same follow has the same id, and another follow has another', async () => {
    const send = async (follower: string) => {
      const res = await post().set('Idempotency-Key', 'order-7!').send({ follower, followee: 'bob' }).expect(202);
      return res.body.id as string;
    };
    const [first, again, other] = [await send('alice'), await send('alice'), await send('carol')];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(publish.mock.calls.map(([{ follower }, id]) => `${follower} ${id}`)).toEqual([
      `alice ${first}`,
      `alice ${first}`,
      `carol ${other}`,
    ]);
  });

  test.each([
    ['with a space', 'a b'],
    ['too long', 'x'.repeat(256)],
    ['not ASCII', '\u00e9'],
  ])('When the Idempotency-Key is %s, then it is refused', async (_, key) => {
    const res = await post().set('Idempotency-Key', key).expect(400);
    expect(problem(res).detail).toContain('Idempotency-Key');
    expect(publish).not.toHaveBeenCalled();
  });

  test('When there is a trace, then it goes with the publish and into the access log with the event id', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await post().set('traceparent', traceparent).set('tracestate', 'k=v').expect(202);
    const [, eventId, trace] = publish.mock.calls[0] ?? [];
    expect(trace).toMatchObject({ traceparent, tracestate: 'k=v' });
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ status: 202, eventId, traceId: '0af7651916cd43dd8448eb211c80319c' });
  });

  test.each([undefined, 'order-7'])(
    'When the broker does not confirm the event (key %j), then 503 says that it may be accepted, and the id is the key with which repeating is safe',
    async (key) => {
      publish.mockRejectedValueOnce(new SidecarError('cannot publish: timeout of 5000ms exceeded'));
      const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
      const res = await post().set(headers).expect(503).expect('retry-after', /^\d+$/);
      const { id, detail, ...document } = problem(res);
      expect(document).toEqual({ type: 'about:blank', status: 503, title: 'Service Unavailable' });
      expect(publish.mock.calls[0]?.[1]).toBe(id);
      expect(detail).toContain('may have accepted it');
      expect(detail).toContain(`"Idempotency-Key: ${id}"`);
      expect(detail).not.toContain('5000ms');
      await vi.waitFor(() => expect(lines).toHaveLength(2));
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'error', eventId: id, msg: 'cannot publish: timeout of 5000ms exceeded' }),
      );
      expect(lines).toContainEqual(expect.objectContaining({ path: '/followers', status: 503, eventId: id }));

      const repeated = await post().set('Idempotency-Key', id).expect(202);
      expect(repeated.body.id).toBe(id);
    },
  );

  test('When the error is not about the sidecar, then the answer is 500', async () => {
    publish.mockRejectedValue(new TypeError('a mistake'));
    expect(problem(await post().expect(500)).detail).not.toContain('a mistake');
  });

  test.each([
    ['broken JSON', '{"follower":', 'application/json', 400, 'not valid JSON'],
    ['a JSON string', '"alice"', 'application/json', 400, 'JSON object'],
    ['null', 'null', 'application/json', 400, 'JSON object'],
    ['an array', '[]', 'application/json', 400, 'JSON object'],
    ['a missing name', '{"follower":"alice"}', 'application/json', 400, '"followee" is missing'],
    ['an empty object', '{}', 'application/json', 400, '"follower" and "followee" are missing'],
    ['a Japanese name', '{"follower":"太郎","followee":"bob"}', 'application/json', 400, 'A-Z, a-z, 0-9'],
    ['a name that is not allowed', '{"follower":"<b>","followee":"bob"}', 'application/json', 400, '"follower"'],
    ['somebody who follows themselves', '{"follower":"bob","followee":"bob"}', 'application/json', 400, 'differ'],
    ['a body that is too large', `{"follower":"${'x'.repeat(20_000)}"}`, 'application/json', 413, '16384 bytes'],
    ['a form', 'follower=alice', 'application/x-www-form-urlencoded', 415, 'curl -X POST 127.0.0.1:'],
    ['JSON with the content type of curl', '{}', 'application/x-www-form-urlencoded', 415, 'application/json'],
    ['a multipart form', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x', 415, "-d '{"],
    ['text', 'hello', 'text/plain', 415, "-H 'content-type: application/json' -d '{"],
    ['another charset', '{}', 'application/json; charset=latin1', 415, 'charset'],
  ])('When the body is %s, then it is refused and nothing is published', async (_, body, type, status, detail) => {
    const res = await post().set('content-type', type).send(body).expect(status);
    expect(problem(res)).toMatchObject({ type: 'about:blank', status, detail: expect.stringContaining(detail) });
    expect(publish).not.toHaveBeenCalled();
  });

  test.each([undefined, 'application/json', 'text/plain'])(
    'When an empty body comes in chunks with the type %s, as from a sidecar, then the demo pair is published',
    async (type) => {
      const req = post().set('Transfer-Encoding', 'chunked');
      if (type) req.set('content-type', type);
      expect((await req.expect(202)).body).toMatchObject({ follower: 'alice', followee: 'bob' });
    },
  );

  test('When a text comes in chunks, then it is refused', async () => {
    const req = post().set({ 'Transfer-Encoding': 'chunked', 'content-type': 'text/plain' });
    req.write('hello');
    expect(problem(await req.expect(415)).detail).toContain('application/json');
    expect(publish).not.toHaveBeenCalled();
  });

  test('When a body is not in its encoding, then the answer says so', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const req = post().set(headers);
    const res = await req
      .serialize((body) => body)
      .send('xx')
      .expect(400);
    expect(problem(res).detail).toBe('The body is not in the encoding that Content-Encoding names.');
  });

  test('When a small body unpacks to a large one, then it is refused', async () => {
    const bomb = gzipSync(JSON.stringify({ follower: 'x'.repeat(1_000_000) }));
    const res = await post()
      .set({ 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .serialize((body) => body)
      .send(bomb)
      .expect(413);
    expect(problem(res).status).toBe(413);
  });

  test('When the content encoding is wrong or unknown, then it is refused', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    problem(await post().set(headers).send('{"not":"gzip"}').expect(400));
    problem(
      await post()
        .set({ ...headers, 'content-encoding': 'zip' })
        .send('{}')
        .expect(415),
    );
  });
});

describe('everything else', () => {
  test('When Dapr asks at its start, then the service has no configuration and no subscriptions', async () => {
    expect((await request(app).get('/dapr/config').expect(200)).body).toEqual({});
    expect((await request(app).get('/dapr/subscribe').expect(200)).body).toEqual([]);
  });

  test.each(['get', 'put', 'patch', 'delete', 'options'] as const)(
    'When the method is %s, then the answer is 405',
    async (method) => {
      const res = await request(app)[method]('/followers?follower=erin').expect(405).expect('allow', 'POST');
      expect(problem(res)).toMatchObject({ status: 405, detail: expect.stringContaining('curl -X POST') });
    },
  );

  test('When a browser opens the service, then the answer points to POST /followers', async () => {
    const { detail } = problem(await request(app).get('/').expect(404));
    expect(detail).toContain('POST /followers: curl -X POST 127.0.0.1:');
  });

  test.each(['/', '/Followers', '/followers/', '//followers', '/followers/%', '/%2e%2e/followers', '/followers%00'])(
    'When the path is %s, then the answer is 404',
    async (path) => {
      const { detail } = problem(await request(app).post(path).expect(404));
      expect(detail).toContain('POST /followers');
      expect(publish).not.toHaveBeenCalled();
    },
  );

  test('When the sidecar can publish, then the service is ready; when not, then 503 names the part, and the log says why', async () => {
    await request(app).get('/readyz').expect(200);
    ready.mockRejectedValue(new NotReady('The pub/sub component is not ready.', 'no component named pubsub'));
    const res = await request(app).get('/readyz').expect(503);
    expect(problem(res).detail).toBe('The pub/sub component is not ready.');
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: expect.stringContaining('no component named pubsub') }),
    );
  });

  test('When only the sidecar is missing, then the service is still alive', async () => {
    ready.mockRejectedValue(new Error('no sidecar'));
    await request(app).get('/livez').expect(200);
  });

  test('When an answer is given, then it does not say what the service is built with', async () => {
    const res = await post();
    expect(res.headers).not.toHaveProperty('x-powered-by');
  });
});
