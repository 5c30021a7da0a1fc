import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SidecarError } from '../common/dapr/sidecar';
import { captureLog } from '../common/testing/captured-log';
import { createApp } from './app';

const publish = vi.fn();
const ready = vi.fn();
const { logger, lines } = captureLog('api-facade');
const app = createApp({ publish, ready, logger });

beforeEach(() => {
  publish.mockReset().mockResolvedValue('event-1');
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
    expect(res.body).toEqual({ id: 'event-1', follower: 'alice', followee: 'bob' });
    expect(publish).toHaveBeenCalledWith({ follower: 'alice', followee: 'bob' }, expect.anything(), undefined);
  });

  test('When the body is a follow, then it is published, and the answer has its event id', async () => {
    const res = await post().send({ follower: 'carol', followee: 'dave' }).expect(202);
    expect(res.body).toEqual({ id: 'event-1', follower: 'carol', followee: 'dave' });
    expect(publish).toHaveBeenCalledWith({ follower: 'carol', followee: 'dave' }, expect.anything(), undefined);
  });

  test('When the broker has not accepted the event yet, then there is no answer yet', async () => {
    let accept: (id: string) => void = () => {};
    publish.mockReturnValue(
      new Promise((resolve) => {
        accept = resolve;
      }),
    );
    const answered = vi.fn();
    const response = post().then(answered);
    await vi.waitFor(() => expect(publish).toHaveBeenCalled());
    expect(answered).not.toHaveBeenCalled();
    accept('late');
    await response;
    expect(answered).toHaveBeenCalledWith(
      expect.objectContaining({ status: 202, body: expect.objectContaining({ id: 'late' }) }),
    );
  });

  test('When there is an Idempotency-Key, then it goes with the publish', async () => {
    await post().set('Idempotency-Key', 'order-7!').expect(202);
    expect(publish).toHaveBeenCalledWith(expect.anything(), expect.anything(), 'order-7!');
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
    expect(publish.mock.calls[0]?.[1]).toMatchObject({ traceparent, tracestate: 'k=v' });
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ status: 202, eventId: 'event-1', traceId: '0af7651916cd43dd8448eb211c80319c' });
  });

  test('When the sidecar does not take the event, then the answer is 503 with Retry-After', async () => {
    publish.mockRejectedValue(new SidecarError('no sidecar'));
    const res = await post().expect(503).expect('retry-after', /^\d+$/);
    expect(problem(res)).toMatchObject({ status: 503, title: 'Service Unavailable' });
  });

  test.each([
    ['broken JSON', '{"follower":', 'application/json', 400, 'not valid JSON'],
    ['a JSON string', '"alice"', 'application/json', 400, 'JSON object'],
    ['null', 'null', 'application/json', 400, 'JSON object'],
    ['an array', '[]', 'application/json', 400, 'JSON object'],
    ['a missing name', '{"follower":"alice"}', 'application/json', 400, '"followee"'],
    ['a name that is not allowed', '{"follower":"<b>","followee":"bob"}', 'application/json', 400, '"follower"'],
    ['somebody who follows themselves', '{"follower":"bob","followee":"bob"}', 'application/json', 400, 'differ'],
    ['a body that is too large', `{"follower":"${'x'.repeat(20_000)}"}`, 'application/json', 413, 'too large'],
    ['a form', 'follower=alice', 'application/x-www-form-urlencoded', 415, 'application/json'],
    ['text', 'hello', 'text/plain', 415, 'application/json'],
    ['another charset', '{}', 'application/json; charset=latin1', 415, 'charset'],
  ])('When the body is %s, then it is refused and nothing is published', async (_, body, type, status, detail) => {
    const res = await post().set('content-type', type).send(body).expect(status);
    expect(problem(res)).toMatchObject({ type: 'about:blank', status, detail: expect.stringContaining(detail) });
    expect(publish).not.toHaveBeenCalled();
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
  test.each(['get', 'put', 'patch', 'delete', 'options'] as const)(
    'When the method is %s, then the answer is 405',
    async (method) => {
      const res = await request(app)[method]('/followers').expect(405).expect('allow', 'POST');
      expect(problem(res).status).toBe(405);
    },
  );

  test.each([
    '/',
    '/Followers',
    '/followers/',
    '//followers',
    '/followers/%',
    '/%2e%2e/followers',
    '/followers%00',
    '/dapr/subscribe',
  ])('When the path is %s, then the answer is 404', async (path) => {
    problem(await request(app).post(path).expect(404));
    expect(publish).not.toHaveBeenCalled();
  });

  test('When the sidecar can publish, then the service is ready; when not, then 503 says why', async () => {
    await request(app).get('/readyz').expect(200);
    ready.mockRejectedValue(new Error('The Dapr sidecar has no component named pubsub.'));
    const res = await request(app).get('/readyz').expect(503);
    expect(problem(res).detail).toContain('no component named pubsub');
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
