import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, type RecordingSidecar, startRecordingSidecar } from '../testing/recording-sidecar';
import { UnreachableApp } from './sidecar';

let sidecar: RecordingSidecar;
beforeEach(async () => {
  sidecar = await startRecordingSidecar();
});
afterEach(() => sidecar.close());

test('When another app is asked for its subscriptions, then its answer is returned', async () => {
  sidecar.answer = json(200, [{ topic: 'a', route: '/a' }]);
  expect(await sidecar.dapr.subscriptionsOf('push-notification-service')).toEqual([{ topic: 'a', route: '/a' }]);
  expect(sidecar.last).toMatchObject({
    method: 'GET',
    url: '/v1.0/invoke/push-notification-service/method/dapr/subscribe',
  });
});

describe('deliver', () => {
  const deliver = () => sidecar.dapr.deliver('email-notification-service', '/followerAdded', { id: 'event-1' });

  test('When the other app answers, then the event went to its route, and the answer is its answer', async () => {
    sidecar.answer = json(200, { status: 'SUCCESS' });
    expect(await deliver()).toEqual({ status: 'SUCCESS' });
    expect(sidecar.last).toMatchObject({
      method: 'POST',
      url: '/v1.0/invoke/email-notification-service/method/followerAdded',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: '{"id":"event-1"}',
    });
  });

  test('When the other app is not found, then the error is one of its own kind; when it answers with an error, then not', async () => {
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

  test('When the component is loaded, then the service is ready to publish', async () => {
    sidecar.answer = json(200, metadata);
    await sidecar.dapr.readyToPublish();
    expect(sidecar.last).toMatchObject({ url: '/v1.0/metadata', headers: { 'dapr-api-token': 'sesame' } });
  });

  test('When the component is not loaded, then it is not, and the error names it', async () => {
    sidecar.answer = json(200, { components: [{ name: 'other' }] });
    await expect(sidecar.dapr.readyToPublish()).rejects.toThrow('no component named pubsub');
    sidecar.answer = json(200, {});
    await expect(sidecar.dapr.readyToPublish()).rejects.toThrow('no component named pubsub');
  });

  test('When the sidecar has subscribed the service, then it is ready to receive', async () => {
    sidecar.answer = json(200, metadata);
    await sidecar.dapr.readyToReceive(['followerAdded']);
  });

  test('When the subscription got lost, then it is not, and the error names the topic', async () => {
    sidecar.answer = json(200, { ...metadata, subscriptions: [{ pubsubname: 'other', topic: 'followerAdded' }] });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow(
      'no subscription to followerAdded on pubsub',
    );
    sidecar.answer = json(200, { ...metadata, subscriptions: undefined });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow(
      'no subscription to followerAdded on pubsub',
    );
  });

  test('When the state store is not loaded, then it is not, and the error names it', async () => {
    sidecar.answer = json(200, { ...metadata, components: [{ name: 'pubsub' }] });
    await expect(sidecar.dapr.readyToReceive(['followerAdded'])).rejects.toThrow('no component named statestore');
  });
});
