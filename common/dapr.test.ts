import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDapr, type Dapr, SidecarError } from './dapr';
import { startTrace } from './trace-context';

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
  const publish = () => dapr.publish('followerAdded', { a: 1 }, { id: 'e 1&', type: 'followerAdded' }, trace);

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
});

describe('readiness', () => {
  const metadata = {
    components: [{ name: 'pubsub' }],
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
    answer = json(200, {});
    await expect(dapr.readyToReceive('followerAdded')).rejects.toThrow('no subscription to followerAdded on pubsub');
  });
});
