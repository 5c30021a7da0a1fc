import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { json, type RecordingSidecar, startRecordingSidecar } from '../testing/recording-sidecar';
import { UnreachableApp } from './sidecar';

let sidecar: RecordingSidecar;
beforeEach(async () => {
  sidecar = await startRecordingSidecar();
});
afterEach(() => {
  sidecar.close();
  vi.unstubAllEnvs();
});

test('When the client asks another app for its subscriptions, then it resolves with the answer of the app', async () => {
  sidecar.answer = json(200, [{ topic: 'a', route: '/a' }]);
  expect(await sidecar.dapr.subscriptionsOf('push-notification-service')).toEqual([{ topic: 'a', route: '/a' }]);
  expect(sidecar.last).toMatchObject({
    method: 'GET',
    url: '/v1.0/invoke/push-notification-service/method/dapr/subscribe',
  });
});

test('When the environment has a proxy, then requests to the sidecar do not use it', async () => {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']) vi.stubEnv(name, 'http://127.0.0.1:1');
  sidecar.answer = json(200, { components: [{ name: 'pubsub' }] });
  await sidecar.dapr.readyToPublish();
  await sidecar.dapr.publishUnchanged('topic', {});
});

describe('deliver', () => {
  const deliver = () => sidecar.dapr.deliver('email-notification-service', '/followerAdded', { id: 'event-1' });

  test('When an event is delivered to another app, then the request invokes the route of the app, and the result is the answer of the app', async () => {
    sidecar.answer = json(200, { status: 'SUCCESS' });
    expect(await deliver()).toEqual({ status: 'SUCCESS' });
    expect(sidecar.last).toMatchObject({
      method: 'POST',
      url: '/v1.0/invoke/email-notification-service/method/followerAdded',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: '{"id":"event-1"}',
    });
  });

  test('When the other app is not found, then the error is UnreachableApp; when the app answers with an error, then it is not', async () => {
    sidecar.answer = json(500, { errorCode: 'ERR_DIRECT_INVOKE', message: "couldn't find service" });
    await expect(deliver()).rejects.toThrow(UnreachableApp);
    sidecar.answer = json(503, { title: 'Service Unavailable' });
    await expect(deliver()).rejects.not.toThrow(UnreachableApp);
    await expect(deliver()).rejects.toThrow('cannot deliver to email-notification-service: 503');
  });
});

describe('readiness', () => {
  const metadata = {
    components: [{ name: 'pubsub' }, { name: 'statestore' }],
    subscriptions: [{ pubsubname: 'pubsub', topic: 'followerAdded' }],
  };

  test('When the sidecar does not answer, then the error names the sidecar, and only its message has the answer', async () => {
    sidecar.answer = (res) => res.destroy();
    await expect(sidecar.dapr.readyToPublish()).rejects.toMatchObject({
      detail: 'The Dapr sidecar is not ready.',
      message: expect.stringContaining('cannot read the metadata: '),
    });
  });

  test('When the sidecar has loaded the pub/sub component, then the service is ready to publish', async () => {
    sidecar.answer = json(200, metadata);
    await sidecar.dapr.readyToPublish();
    expect(sidecar.last).toMatchObject({ url: '/v1.0/metadata', headers: { 'dapr-api-token': 'sesame' } });
  });

  test('When the sidecar has not loaded the pub/sub component, then the service is not ready to publish, and the error names the component', async () => {
    sidecar.answer = json(200, { components: [{ name: 'other' }] });
    await expect(sidecar.dapr.readyToPublish()).rejects.toThrow('no component named pubsub');
    sidecar.answer = json(200, {});
    await expect(sidecar.dapr.readyToPublish()).rejects.toThrow('no component named pubsub');
  });

  test('When the sidecar has subscribed to the topic, then the service is ready to receive', async () => {
    sidecar.answer = json(200, metadata);
    await sidecar.dapr.readyToReceive(['followerAdded']);
  });

  test('When the sidecar has no subscription to the topic, then the service is not ready to receive, and the error names the topic', async () => {
    sidecar.answer = json(200, { ...metadata, subscriptions: [{ pubsubname: 'other', topic: 'followerAdded' }] });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow(
      'no subscription to followerAdded on pubsub',
    );
    sidecar.answer = json(200, { ...metadata, subscriptions: undefined });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow(
      'no subscription to followerAdded on pubsub',
    );
  });

  test('When the sidecar lists the subscription but has not loaded the pub/sub component, then the service is not ready to receive', async () => {
    sidecar.answer = json(200, { ...metadata, components: [{ name: 'statestore' }] });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow('no component named pubsub');
  });

  test('When the sidecar has not loaded the state store, then the service is not ready to receive, and the error names the component', async () => {
    sidecar.answer = json(200, { ...metadata, components: [{ name: 'pubsub' }] });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow('no component named statestore');
  });
});
