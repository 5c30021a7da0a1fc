import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTrace } from '../http/trace-context';
import { createDapr, type Dapr } from './client';
import { SidecarError, UnreachableApp } from './sidecar';

let server: Server;
let dapr: Dapr;
let seen: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers']; body: string };
let answer: (res: ServerResponse) => void;

beforeEach(async () => {
  answer = (res) => res.writeHead(204).end();
  server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    seen = { method: req.method, url: req.url, headers: req.headers, body };
    answer(res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  dapr = createDapr({
    daprHttpPort: (server.address() as AddressInfo).port,
    daprApiToken: 'sesame',
    pubsubName: 'pubsub',
    stateStoreName: 'statestore',
  });
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const json = (status: number, body: object) => (res: ServerResponse) => {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

describe('publish', () => {
  const trace = { ...startTrace(), tracestate: 'k=v' };
  const event = { topic: 'followerAdded', data: { a: 1 }, type: 'followerAdded', trace };
  const publish = () => dapr.publish({ ...event, id: 'e 1&' });

  test('When the sidecar accepts the event, then id, type, trace and token went with it', async () => {
    await publish();
    expect(seen).toMatchObject({
      method: 'POST',
      body: '{"a":1}',
      headers: {
        'content-type': 'application/json',
        'dapr-api-token': 'sesame',
        traceparent: trace.traceparent,
        tracestate: 'k=v',
      },
    });
    const url = new URL(seen.url ?? '', 'http://sidecar');
    expect(url.pathname).toBe('/v1.0/publish/pubsub/followerAdded');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      'metadata.cloudevent.id': 'e 1&',
      'metadata.cloudevent.type': 'followerAdded',
    });
  });

  test('When the broker is down, then the error says what Dapr said', async () => {
    answer = json(500, { errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE', message: 'connection refused' });
    await expect(publish()).rejects.toThrow(SidecarError);
    await expect(publish()).rejects.toThrow(
      'cannot publish followerAdded to pubsub: 500 ERR_PUBSUB_PUBLISH_MESSAGE connection refused',
    );
  });

  test('When the sidecar redirects, then the event is not sent elsewhere', async () => {
    answer = (res) => res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
    await expect(publish()).rejects.toThrow(/307/);
  });

  test('When the sidecar refuses the token, then the error says so', async () => {
    answer = (res) => res.writeHead(401, { 'content-type': 'text/plain' }).end('invalid api token\n');
    await expect(publish()).rejects.toThrow('401');
  });

  test('When there is no sidecar, then the error names its port', async () => {
    const { port } = server.address() as AddressInfo;
    server.close();
    server.closeAllConnections();
    await expect(publish()).rejects.toThrow(`ECONNREFUSED 127.0.0.1:${port}`);
  });

  test('When the sidecar closes the connection without an answer, then it is an error', async () => {
    answer = (res) => res.destroy();
    await expect(publish()).rejects.toThrow(SidecarError);
  });

  test('When several events are published at once, then in one request, each with id, type and trace of its own', async () => {
    const other = startTrace();
    await Promise.all([dapr.publish({ ...event, id: 'a' }), dapr.publish({ ...event, id: 'b', trace: other })]);
    expect(seen).toMatchObject({ method: 'POST', url: '/v1.0/publish/bulk/pubsub/followerAdded' });
    expect(JSON.parse(seen.body)).toEqual([
      {
        entryId: '0',
        event: { a: 1 },
        contentType: 'application/json',
        metadata: {
          'cloudevent.id': 'a',
          'cloudevent.type': 'followerAdded',
          'cloudevent.traceparent': trace.traceparent,
          'cloudevent.tracestate': 'k=v',
        },
      },
      expect.objectContaining({
        entryId: '1',
        metadata: {
          'cloudevent.id': 'b',
          'cloudevent.type': 'followerAdded',
          'cloudevent.traceparent': other.traceparent,
        },
      }),
    ]);
  });

  test('When the broker took some of them, then the others have failed, and no more', async () => {
    answer = json(500, {
      failedEntries: [{ entryId: '1', error: 'refused' }],
      errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE',
    });
    const answers = await Promise.allSettled(['a', 'b', 'c'].map((id) => dapr.publish({ ...event, id })));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { message: 'cannot publish followerAdded to pubsub: refused' } });
  });

  test('When the request fails as a whole, then each of them has failed', async () => {
    answer = json(404, { errorCode: 'ERR_PUBSUB_NOT_FOUND', message: 'pubsub pubsub is not found' });
    const answers = await Promise.allSettled(['a', 'b'].map((id) => dapr.publish({ ...event, id })));
    for (const { status } of answers) expect(status).toBe('rejected');
  });

  test('When a CloudEvent is published, then as it is', async () => {
    await dapr.publishEvent('x-dead-letters', { id: 'a', data: 1 });
    expect(seen).toMatchObject({
      url: '/v1.0/publish/pubsub/x-dead-letters',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: '{"id":"a","data":1}',
    });
  });
});

describe('deliver', () => {
  const deliver = () => dapr.deliver('email-notification-service', 'followerAdded', { id: 'event-1' });

  test('When the other app answers, then the event went to its route, and the answer is its answer', async () => {
    answer = json(200, { status: 'SUCCESS' });
    expect(await deliver()).toEqual({ status: 'SUCCESS' });
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1.0/invoke/email-notification-service/method/followerAdded',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: '{"id":"event-1"}',
    });
  });

  test('When the other app is not found, then the error is one of its own kind; when it answers with an error, then not', async () => {
    answer = json(500, { errorCode: 'ERR_DIRECT_INVOKE', message: "couldn't find service" });
    await expect(deliver()).rejects.toThrow(UnreachableApp);
    answer = json(503, { title: 'Service Unavailable' });
    await expect(deliver()).rejects.not.toThrow(UnreachableApp);
    await expect(deliver()).rejects.toThrow('cannot deliver to email-notification-service: 503');
  });
});

describe('state', () => {
  test('When a value is there, then it comes with its etag', async () => {
    answer = json(200, [{ key: 'a/b', data: { owner: 'me' }, etag: '7' }]);
    expect(await dapr.getState('a/b')).toEqual({ value: { owner: 'me' }, etag: '7' });
    expect(seen).toMatchObject({ method: 'POST', url: '/v1.0/state/statestore/bulk' });
    expect(JSON.parse(seen.body)).toMatchObject({ keys: ['a/b'] });
  });

  test('When there is none, then the answer is undefined', async () => {
    answer = json(200, [{ key: 'key' }]);
    expect(await dapr.getState('key')).toBeUndefined();
  });

  test('When several keys are read at once, then in one request, and each caller gets its own, whatever the order of the answers', async () => {
    answer = json(200, [{ key: 'c' }, { key: 'b', error: 'timeout' }, { key: 'a', data: 1, etag: '7' }]);
    const answers = await Promise.allSettled(['a', 'b', 'c', 'd'].map((key) => dapr.getState(key)));
    expect(JSON.parse(seen.body)).toMatchObject({ keys: ['a', 'b', 'c', 'd'] });
    expect(answers).toMatchObject([
      { value: { value: 1, etag: '7' } },
      { reason: { message: 'cannot read b from statestore: timeout' } },
      { status: 'fulfilled', value: undefined },
      { reason: { message: 'cannot read d from statestore: no answer' } },
    ]);
  });

  test('When several values are saved at once, then in one request, and when it fails, then nobody believes that theirs was saved', async () => {
    answer = json(500, { errorCode: 'ERR_STATE_SAVE', message: 'etag mismatch' });
    const save = (key: string) => dapr.saveState(key, { key }, { ttlSeconds: 1 });
    const answers = await Promise.allSettled(['a', 'b'].map(save));
    expect(JSON.parse(seen.body)).toMatchObject([{ key: 'a' }, { key: 'b' }]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(Promise.all(['a', 'b'].map(save))).rejects.toThrow('cannot save 2 keys to statestore: 500');
  });

  test('When a value is saved, then it is first-write, with its time to live, and without an etag unless there is one', async () => {
    await dapr.saveState('key', { done: true }, { ttlSeconds: 10 });
    const item = { key: 'key', value: { done: true }, options: { concurrency: 'first-write' } };
    expect(seen).toMatchObject({ method: 'POST', url: '/v1.0/state/statestore' });
    expect(JSON.parse(seen.body)).toEqual([{ ...item, metadata: { ttlInSeconds: '10' } }]);
    await dapr.saveState('key', { done: true }, { ttlSeconds: 10, etag: '7' });
    expect(JSON.parse(seen.body)).toMatchObject([{ etag: '7' }]);
  });

  test.each([409, 500])('When the answer to saving is %s, then it is an error', async (status) => {
    answer = json(status, { errorCode: 'ERR_STATE_SAVE', message: 'possible etag mismatch' });
    const save = dapr.saveState('key', {}, { ttlSeconds: 1 });
    await expect(save).rejects.toThrow(
      `cannot save key to statestore: ${status} ERR_STATE_SAVE possible etag mismatch`,
    );
  });

  test('When a value is deleted, then only the one that was read', async () => {
    await dapr.deleteState('key', '7');
    expect(seen).toMatchObject({ method: 'DELETE', headers: { 'if-match': '7' } });
    expect(seen.url).toBe('/v1.0/state/statestore/key?concurrency=first-write');
  });
});

describe('readiness', () => {
  const metadata = {
    components: [{ name: 'pubsub' }, { name: 'statestore' }],
    subscriptions: [{ pubsubname: 'pubsub', topic: 'followerAdded' }],
  };

  test('When the component is loaded, then the service is ready to publish', async () => {
    answer = json(200, metadata);
    await dapr.readyToPublish();
    expect(seen).toMatchObject({ url: '/v1.0/metadata', headers: { 'dapr-api-token': 'sesame' } });
  });

  test('When the component is not loaded, then it is not, and the error names it', async () => {
    answer = json(200, { components: [{ name: 'other' }] });
    await expect(dapr.readyToPublish()).rejects.toThrow('no component named pubsub');
    answer = json(200, {});
    await expect(dapr.readyToPublish()).rejects.toThrow('no component named pubsub');
  });

  test('When the sidecar has subscribed the service, then it is ready to receive', async () => {
    answer = json(200, metadata);
    await dapr.readyToReceive('followerAdded');
  });

  test('When the subscription got lost, then it is not, and the error names the topic', async () => {
    answer = json(200, { ...metadata, subscriptions: [{ pubsubname: 'other', topic: 'followerAdded' }] });
    await expect(dapr.readyToReceive('followerAdded')).rejects.toThrow('no subscription to followerAdded on pubsub');
    answer = json(200, { ...metadata, subscriptions: undefined });
    await expect(dapr.readyToReceive('followerAdded')).rejects.toThrow('no subscription to followerAdded on pubsub');
  });

  test('When the state store is not loaded, then it is not, and the error names it', async () => {
    answer = json(200, { ...metadata, components: [{ name: 'pubsub' }] });
    await expect(dapr.readyToReceive('followerAdded')).rejects.toThrow('no component named statestore');
  });
});
