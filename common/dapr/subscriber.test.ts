import request from 'supertest';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { FOLLOWER_ADDED, type Follow, parseFollow } from '../follow';
import { NotReady } from '../http/health';
import { captureLog } from '../testing/captured-log';
import { FOLLOW_EVENT as event, TRACE_ID } from '../testing/follow-event';
import { testSubscriber } from '../testing/test-subscriber';
import type { HandleOnce } from './subscriber';
import { type Handle, PermanentFailure, subscription } from './subscription';

const handle = vi.fn<Handle<Follow>>();
const handleRemoved = vi.fn<Handle<string>>();
const handleOnce = vi.fn<HandleOnce>();
const moveTo = vi.fn<(topic: string, event: object) => Promise<void>>();
const ready = vi.fn();
const { logger, lines } = captureLog();
const options = {
  subscriptions: [
    subscription({ topic: FOLLOWER_ADDED, route: '/followerAdded', parse: parseFollow, handle }),
    subscription({ topic: 'followerRemoved', route: '/removed', parse: String, handle: handleRemoved }),
  ],
  handleOnce,
  moveTo,
  ready,
  logger,
};
const app = testSubscriber(options);

beforeEach(() => {
  handle.mockReset().mockResolvedValue();
  handleRemoved.mockReset().mockResolvedValue();
  handleOnce.mockReset().mockImplementation((_event, _signal, work) => work());
  moveTo.mockReset().mockResolvedValue();
  ready.mockReset().mockResolvedValue(undefined);
  lines.length = 0;
});

const deliver = (body: string | object = event) =>
  request(app)
    .post('/followerAdded')
    .set('content-type', 'application/cloudevents+json')
    .send(typeof body === 'string' ? body : JSON.stringify(body));

describe('requests of Dapr at its start', () => {
  test('When Dapr asks for the subscriptions, then the answer has each topic with its route and with the dead-letter topic of this service', async () => {
    const res = await request(app).get('/dapr/subscribe').expect(200);
    const common = { pubsubname: 'pubsub', deadLetterTopic: 'email-notification-service-dead-letters' };
    expect(res.body).toEqual([
      { ...common, topic: 'followerAdded', route: '/followerAdded' },
      { ...common, topic: 'followerRemoved', route: '/removed' },
    ]);
  });

  test('When Dapr asks for the configuration, then the answer is empty', async () => {
    const res = await request(app).get('/dapr/config').expect(200);
    expect(res.body).toEqual({});
  });
});

describe('POST /followerAdded', () => {
  test('When an event is handled, then the delivery succeeds', async () => {
    const res = await deliver().expect(200);
    expect(res.body).toEqual({ status: 'SUCCESS' });
    const follow = { follower: 'alice', followee: 'bob' };
    expect(handle).toHaveBeenCalledExactlyOnceWith(follow, 'event-1', expect.any(AbortSignal));
    const claimed = { topic: 'followerAdded', id: 'event-1' };
    expect(handleOnce).toHaveBeenCalledExactlyOnceWith(claimed, expect.any(AbortSignal), expect.any(Function));
  });

  test('When the event was handled before, then the delivery succeeds and the event is not handled again', async () => {
    handleOnce.mockResolvedValue();
    expect((await deliver().expect(200)).body).toEqual({ status: 'SUCCESS' });
    expect(handle).not.toHaveBeenCalled();
  });

  test('When an event of another topic is delivered, then the handler of that topic handles it', async () => {
    await request(app)
      .post('/removed')
      .send({ ...event, topic: 'followerRemoved', data: 7 })
      .expect(200);
    expect(handleRemoved).toHaveBeenCalledExactlyOnceWith('7', 'event-1', expect.any(AbortSignal));
    expect(handle).not.toHaveBeenCalled();
  });

  test('When the handler has not finished, then the service has not answered', async () => {
    let finish = () => {};
    handle.mockReturnValue(
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    const answered = vi.fn();
    const response = deliver().then(answered);
    await vi.waitFor(() => expect(handle).toHaveBeenCalled());
    expect(answered).not.toHaveBeenCalled();
    finish();
    await response;
    expect(answered).toHaveBeenCalled();
  });

  test('When Dapr closes the connection before the event is handled, then the signal of the handler is aborted', async () => {
    let given: AbortSignal | undefined;
    handle.mockImplementation((_follow, _id, signal) => {
      given = signal;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    });
    const delivery = deliver();
    delivery.end(() => {});
    await vi.waitFor(() => expect(given?.aborted).toBe(false), { timeout: 20_000 });
    delivery.abort();
    await vi.waitFor(() => expect(given?.aborted).toBe(true), { timeout: 20_000 });
  });

  test("When a delivery is logged, then the line has the event's id and its trace", async () => {
    await deliver();
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ path: '/followerAdded', status: 200, eventId: 'event-1', traceId: TRACE_ID });
  });

  test('When the delivery has a traceparent header, then its trace is logged', async () => {
    const other = 'f'.repeat(32);
    await deliver().set('traceparent', `00-${other}-b7ad6b7169203331-01`);
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ traceId: other });
  });

  test('When the handler fails, then the status is 503, so that Dapr retries, and the log has the reason', async () => {
    handle.mockRejectedValue(new Error('connect ECONNREFUSED'));
    const res = await deliver().expect(503);
    expect(res.headers['content-type']).toMatch(/problem\+json/);
    expect(res.text).not.toContain('ECONNREFUSED');
    expect(lines).toContainEqual(
      expect.objectContaining({ eventId: 'event-1', msg: 'will be retried: connect ECONNREFUSED' }),
    );
  });

  test('When the handler fails permanently, then the event becomes a dead letter', async () => {
    handle.mockRejectedValue(new PermanentFailure('no such mailbox'));
    const res = await deliver().expect(200);
    expect(res.body).toEqual({ status: 'DROP' });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', eventId: 'event-1', msg: 'dead letter: no such mailbox' }),
    );
  });

  test.each([
    ['is not JSON', '{"id":'],
    ['is empty', ''],
    ['is null', 'null'],
    ['has no id', { ...event, id: undefined }],
    ['has no data', { ...event, data: undefined }],
    ['has a name that is not allowed', { ...event, data: { follower: 'a b', followee: 'bob' } }],
    ['is too large', { ...event, padding: 'x'.repeat(100_000) }],
  ])('When the event %s, then it becomes a dead letter at once and is not handled', async (_, body) => {
    const res = await deliver(body).expect(200);
    expect(res.body).toEqual({ status: 'DROP' });
    expect(handle).not.toHaveBeenCalled();
  });

  test('When an event is not valid, then both log lines have its id, so that a developer can find its dead letter', async () => {
    await deliver({ ...event, data: { follower: 'a b', followee: 'bob' } });
    await vi.waitFor(() => expect(lines).toHaveLength(2), { timeout: 20_000 });
    for (const line of lines) expect(line).toMatchObject({ eventId: 'event-1' });
  });

  test('When the content type is not allowed, then the event becomes a dead letter', async () => {
    const res = await request(app).post('/followerAdded').set('content-type', 'text/plain').send('x').expect(200);
    expect(res.body).toEqual({ status: 'DROP' });
  });

  test('When the method is not POST, then the status is 405, not 404', async () => {
    await request(app).get('/followerAdded').expect(405).expect('allow', 'POST');
  });
});

describe('service invocation', () => {
  const invoke = (caller: string) =>
    request(app)
      .post('/removed')
      .set('dapr-caller-app-id', caller)
      .send({ ...event, topic: 'followerRemoved' });

  test('When the replay of the service invokes a route, then the event is handled', async () => {
    await invoke('email-notification-service-replay').expect(200);
    expect(handleRemoved).toHaveBeenCalledOnce();
  });

  test('When another app invokes a route, then it is refused, and the event is not handled', async () => {
    await invoke('api-facade').expect(403);
    expect(handleRemoved).not.toHaveBeenCalled();
  });
});

describe('with APP_API_TOKEN set', () => {
  const guarded = testSubscriber({ ...options, appApiToken: 'sesame' });
  const send = (headers: Record<string, string>) => request(guarded).post('/followerAdded').set(headers).send(event);

  test('When the sidecar sends the token, then the service handles the delivery', async () => {
    await send({ 'dapr-api-token': 'sesame' }).expect(200);
    expect(handle).toHaveBeenCalledOnce();
  });

  test.each([
    ['no token', {}],
    ['a wrong token', { 'dapr-api-token': 'Sesame' }],
    ['an empty token', { 'dapr-api-token': '' }],
  ])('When a request has %s, then the status is 401 and the event is not handled', async (_, headers) => {
    await send(headers as Record<string, string>)
      .expect(401)
      .expect('content-type', /problem\+json/);
    expect(handle).not.toHaveBeenCalled();
  });
});

test('When the sidecar has subscribed to the topics, then the service is ready; otherwise the status is 503 and names the part', async () => {
  await request(app).get('/readyz').expect(200);
  ready.mockRejectedValue(new NotReady('The subscriptions are not ready.', 'no subscription to followerAdded'));
  const res = await request(app).get('/readyz').expect(503);
  expect(JSON.parse(res.text).detail).toBe('The subscriptions are not ready.');
});
