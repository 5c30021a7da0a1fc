import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTrace } from '../http/trace-context';
import { json, type RecordingSidecar, startRecordingSidecar } from '../testing/recording-sidecar';
import { SidecarError } from './sidecar';

let sidecar: RecordingSidecar;
beforeEach(async () => {
  sidecar = await startRecordingSidecar();
});
afterEach(() => sidecar.close());

const trace = { ...startTrace(), tracestate: 'k=v' };
const event = { topic: 'followerAdded', data: { a: 1 }, type: 'followerAdded', trace };
const publish = () => sidecar.dapr.publish({ ...event, id: 'e 1&' });

test('When an event is published, then the request has its id, type and trace, and the API token', async () => {
  await publish();
  expect(sidecar.last).toMatchObject({
    method: 'POST',
    body: '{"a":1}',
    headers: {
      'content-type': 'application/json',
      'dapr-api-token': 'sesame',
      traceparent: trace.traceparent,
      tracestate: 'k=v',
    },
  });
  const url = new URL(sidecar.last.url ?? '', 'http://sidecar');
  expect(url.pathname).toBe('/v1.0/publish/pubsub/followerAdded');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    'metadata.cloudevent.id': 'e 1&',
    'metadata.cloudevent.type': 'followerAdded',
  });
});

test('When the broker is down, then the error has the error code and the message from Dapr', async () => {
  sidecar.answer = json(500, { errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE', message: 'connection refused' });
  await expect(publish()).rejects.toThrow(SidecarError);
  await expect(publish()).rejects.toThrow(
    'cannot publish followerAdded to pubsub: 500 ERR_PUBSUB_PUBLISH_MESSAGE connection refused',
  );
});

test('When the sidecar answers with a redirect, then the client does not follow it, and the publish fails', async () => {
  sidecar.answer = (res) => res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
  await expect(publish()).rejects.toThrow(/307/);
});

test('When the sidecar refuses the token, then the error has the status 401', async () => {
  sidecar.answer = (res) => res.writeHead(401, { 'content-type': 'text/plain' }).end('invalid api token\n');
  await expect(publish()).rejects.toThrow('401');
});

test('When no sidecar listens, then the error names the address and the port', async () => {
  sidecar.close();
  await expect(publish()).rejects.toThrow(`ECONNREFUSED 127.0.0.1:${sidecar.port}`);
});

test('When the sidecar closes the connection without an answer, then the publish fails', async () => {
  sidecar.answer = (res) => res.destroy();
  await expect(publish()).rejects.toThrow(SidecarError);
});

test('When several events are published at once, then the client sends one request, and each entry has its own id, type and trace', async () => {
  const other = startTrace();
  await Promise.all([
    sidecar.dapr.publish({ ...event, id: 'a' }),
    sidecar.dapr.publish({ ...event, id: 'b', trace: other }),
  ]);
  expect(sidecar.last).toMatchObject({ method: 'POST', url: '/v1.0/publish/bulk/pubsub/followerAdded' });
  expect(JSON.parse(sidecar.last.body)).toEqual([
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

test('When the broker refuses one event of a request, then only that publish fails', async () => {
  sidecar.answer = json(500, {
    failedEntries: [{ entryId: '1', error: 'refused' }],
    errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE',
  });
  const answers = await Promise.allSettled(['a', 'b', 'c'].map((id) => sidecar.dapr.publish({ ...event, id })));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(answers[1]).toMatchObject({ reason: { message: 'cannot publish followerAdded to pubsub: refused' } });
});

test('When the whole request fails, then every publish in it fails', async () => {
  sidecar.answer = json(404, { errorCode: 'ERR_PUBSUB_NOT_FOUND', message: 'pubsub pubsub is not found' });
  const answers = await Promise.allSettled(['a', 'b'].map((id) => sidecar.dapr.publish({ ...event, id })));
  for (const { status } of answers) expect(status).toBe('rejected');
});

test('When a CloudEvent is published unchanged, then the request asks Dapr not to wrap it', async () => {
  await sidecar.dapr.publishUnchanged('x-dead-letters', { id: 'a', data: 1 });
  expect(sidecar.last).toMatchObject({
    url: '/v1.0/publish/pubsub/x-dead-letters?metadata.rawPayload=true',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: '{"id":"a","data":1}',
  });
});
