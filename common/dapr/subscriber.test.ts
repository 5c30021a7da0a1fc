import request from 'supertest';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { captureLog } from '../testing/captured-log';
import { createSubscriber, type Notify, PermanentFailure } from './subscriber';

const notify = vi.fn<Notify>();
const deadLetter = vi.fn<(event: object) => Promise<void>>();
const ready = vi.fn();
const { logger, lines } = captureLog();
const dependencies = {
  service: 'email-notification-service',
  notify,
  deadLetter,
  ready,
  logger,
  pubsubName: 'pubsub',
  appApiToken: undefined,
  eventsPerDelivery: 1,
};
const app = createSubscriber(dependencies);

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const event = {
  specversion: '1.0',
  id: 'event-1',
  type: 'followerAdded',
  source: 'api-facade',
  data: { follower: 'alice', followee: 'bob' },
  traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`,
};

beforeEach(() => {
  notify.mockReset().mockResolvedValue();
  deadLetter.mockReset().mockResolvedValue();
  ready.mockReset().mockResolvedValue(undefined);
  lines.length = 0;
});

const deliver = (body: string | object = event) =>
  request(app)
    .post('/followerAdded')
    .set('content-type', 'application/cloudevents+json')
    .send(typeof body === 'string' ? body : JSON.stringify(body));

describe('what Dapr asks at the start', () => {
  test('When asked for subscriptions, then followerAdded is listed with the dead-letter topic of this service alone', async () => {
    const res = await request(app).get('/dapr/subscribe').expect(200);
    expect(res.body).toEqual([
      {
        pubsubname: 'pubsub',
        topic: 'followerAdded',
        route: '/followerAdded',
        deadLetterTopic: 'email-notification-service-dead-letters',
      },
    ]);
  });

  test('When asked for its configuration, then there is none', async () => {
    const res = await request(app).get('/dapr/config').expect(200);
    expect(res.body).toEqual({});
  });
});

describe('POST /followerAdded', () => {
  test('When the notification is handed over, then the delivery is done', async () => {
    const res = await deliver().expect(200);
    expect(res.body).toEqual({ status: 'SUCCESS' });
    expect(notify).toHaveBeenCalledExactlyOnceWith(
      { follower: 'alice', followee: 'bob' },
      'event-1',
      expect.any(AbortSignal),
    );
  });

  test('When the notification is still on its way, then there is no answer yet', async () => {
    let handOver = () => {};
    notify.mockReturnValue(
      new Promise((resolve) => {
        handOver = resolve;
      }),
    );
    const answered = vi.fn();
    const response = deliver().then(answered);
    await vi.waitFor(() => expect(notify).toHaveBeenCalled());
    expect(answered).not.toHaveBeenCalled();
    handOver();
    await response;
    expect(answered).toHaveBeenCalled();
  });

  test('When Dapr leaves before the notification is handed over, then the notification is told', async () => {
    let left: AbortSignal | undefined;
    notify.mockImplementation((_follow, _id, signal) => {
      left = signal;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    });
    const delivery = deliver();
    delivery.end(() => {});
    await vi.waitFor(() => expect(left?.aborted).toBe(false), { timeout: 5_000 });
    delivery.abort();
    await vi.waitFor(() => expect(left?.aborted).toBe(true), { timeout: 5_000 });
  });

  test("When a delivery is logged, then the line has the event's id and its trace", async () => {
    await deliver();
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ path: '/followerAdded', status: 200, eventId: 'event-1', traceId: TRACE_ID });
  });

  test('When the delivery itself carries a trace, then that one is logged', async () => {
    const other = 'f'.repeat(32);
    await deliver().set('traceparent', `00-${other}-b7ad6b7169203331-01`);
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ traceId: other });
  });

  test('When the notification fails for now, then the answer is 5xx, so that Dapr tries again', async () => {
    notify.mockRejectedValue(new Error('connect ECONNREFUSED'));
    const res = await deliver().expect(503);
    expect(res.headers['content-type']).toMatch(/problem\+json/);
    expect(res.text).not.toContain('ECONNREFUSED');
    expect(lines).toContainEqual(
      expect.objectContaining({ eventId: 'event-1', msg: 'will be retried: connect ECONNREFUSED' }),
    );
  });

  test('When the notification can never go out, then the event is dropped into the dead letters', async () => {
    notify.mockRejectedValue(new PermanentFailure('no such mailbox'));
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
  ])('When the event %s, then it is dropped at once and nobody is notified', async (_, body) => {
    const res = await deliver(body).expect(200);
    expect(res.body).toEqual({ status: 'DROP' });
    expect(notify).not.toHaveBeenCalled();
  });

  test('When an event cannot be acted on, then both log lines have its id, by which its dead letter can be found', async () => {
    await deliver({ ...event, data: { follower: 'a b', followee: 'bob' } });
    await vi.waitFor(() => expect(lines).toHaveLength(2), { timeout: 5_000 });
    for (const line of lines) expect(line).toMatchObject({ eventId: 'event-1' });
  });

  test('When the content type is another one, then the event is dropped, too', async () => {
    const res = await request(app).post('/followerAdded').set('content-type', 'text/plain').send('x').expect(200);
    expect(res.body).toEqual({ status: 'DROP' });
  });

  test('When the method is another one, then the answer is 405, never 404', async () => {
    await request(app).get('/followerAdded').expect(405).expect('allow', 'POST');
  });
});

describe('a batch', () => {
  const entry = (entryId: string, change: object = {}) => ({ entryId, event: { ...event, id: entryId, ...change } });
  const deliverBatch = async (...entries: unknown[]) => {
    const res = await request(app)
      .post('/followerAdded')
      .send({ id: 'batch', topic: 'followerAdded', entries })
      .expect(200);
    return res.body.statuses as { entryId: string; status: string }[];
  };

  test('When batches are wanted, then the subscription says how large; otherwise it does not', async () => {
    const inBatches = createSubscriber({ ...dependencies, eventsPerDelivery: 50 });
    const { body } = await request(inBatches).get('/dapr/subscribe');
    expect(body[0].bulkSubscribe).toMatchObject({ enabled: true, maxMessagesCount: 50 });
    expect((await request(app).get('/dapr/subscribe')).body[0]).not.toHaveProperty('bulkSubscribe');
  });

  test('When one event of a batch fails for now, then that one is to be tried again, and no other', async () => {
    notify.mockImplementation(async (_follow, id) => {
      if (id === 'b') throw new Error('451');
    });
    expect(await deliverBatch(entry('a'), entry('b'), entry('c'))).toEqual([
      { entryId: 'a', status: 'SUCCESS' },
      { entryId: 'b', status: 'RETRY' },
      { entryId: 'c', status: 'SUCCESS' },
    ]);
    expect(deadLetter).not.toHaveBeenCalled();
  });

  test('When an event of a batch can never succeed, then the service itself makes it a dead letter', async () => {
    const poison = entry('b', { data: { follower: '<b>', followee: 'bob' } });
    expect(await deliverBatch(entry('a'), poison)).toEqual([
      { entryId: 'a', status: 'SUCCESS' },
      { entryId: 'b', status: 'SUCCESS' },
    ]);
    expect(deadLetter).toHaveBeenCalledExactlyOnceWith(poison.event);
  });

  test('When the dead letter is not accepted, then the event is tried again, and not lost', async () => {
    notify.mockRejectedValue(new PermanentFailure('550'));
    deadLetter.mockRejectedValue(new Error('the broker is down'));
    expect(await deliverBatch(entry('a'))).toEqual([{ entryId: 'a', status: 'RETRY' }]);
  });

  test('When more than 10 events of a batch wait until Dapr leaves, then Node has no leak of listeners to warn of', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    notify.mockImplementation(async (_follow, _id, left) => left.addEventListener('abort', () => {}));
    await deliverBatch(...Array.from({ length: 12 }, (_, i) => entry(`event-${i}`)));
    await new Promise((resolve) => setImmediate(resolve)); // a warning comes a moment later
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  test('When a batch is logged, then each event has a line with its own ids and how it went', async () => {
    notify.mockImplementation(async (_follow, id) => {
      if (id === 'b') throw new Error('451');
    });
    await deliverBatch(entry('a'), entry('b', { traceparent: `00-${'f'.repeat(32)}-b7ad6b7169203331-01` }));
    const access = () => lines.filter(({ method }) => method === 'POST');
    await vi.waitFor(() => expect(access()).toHaveLength(2));
    expect(access()).toMatchObject([
      { eventId: 'a', status: 200, traceId: TRACE_ID },
      { eventId: 'b', status: 503, traceId: 'f'.repeat(32) },
    ]);
  });

  test('When a single event has data that looks like a batch, then it is a single event', async () => {
    await deliver({ ...event, entries: [entry('a')] }).expect(200);
    expect(notify).toHaveBeenCalledExactlyOnceWith(event.data, 'event-1', expect.any(AbortSignal));
  });
});

describe('with APP_API_TOKEN set', () => {
  const guarded = createSubscriber({ ...dependencies, appApiToken: 'sesame' });
  const send = (headers: Record<string, string>) => request(guarded).post('/followerAdded').set(headers).send(event);

  test('When the sidecar sends the token, then the delivery is taken', async () => {
    await send({ 'dapr-api-token': 'sesame' }).expect(200);
    expect(notify).toHaveBeenCalledOnce();
  });

  test.each([
    ['no token', {}],
    ['a wrong token', { 'dapr-api-token': 'Sesame' }],
    ['an empty token', { 'dapr-api-token': '' }],
  ])('When somebody sends %s, then the delivery is refused', async (_, headers) => {
    await send(headers as Record<string, string>)
      .expect(401)
      .expect('content-type', /problem\+json/);
    expect(notify).not.toHaveBeenCalled();
  });
});

test('When the subscription is in force, then the service is ready; when not, then 503 says why', async () => {
  await request(app).get('/readyz').expect(200);
  ready.mockRejectedValue(new Error('no subscription'));
  const res = await request(app).get('/readyz').expect(503);
  expect(JSON.parse(res.text).detail).toBe('no subscription');
});
