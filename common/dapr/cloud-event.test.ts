import { expect, test } from 'vitest';
import { PoisonEvent, parseCloudEvent } from './cloud-event';

const event = {
  specversion: '1.0',
  id: 'e1',
  type: 'followerAdded',
  source: 's',
  data: { follower: 'alice', followee: 'bob' },
};

test('When a body is a CloudEvent, then the result has its id, data and trace', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  expect(parseCloudEvent({ ...event, traceparent, tracestate: '' })).toEqual({
    id: 'e1',
    data: event.data,
    trace: { traceId: '0af7651916cd43dd8448eb211c80319c', traceparent, tracestate: undefined },
  });
  expect(parseCloudEvent({ ...event, traceparent: '' }).trace).toBeUndefined();
});

test.each([
  ['no body', undefined, 'the body is not a CloudEvent'],
  ['null', null, 'the body is not a CloudEvent'],
  ['text', 'x', 'the body is not a CloudEvent'],
  ['no id', { ...event, id: undefined }, 'the event id'],
  ['an empty id', { ...event, id: '' }, 'the event id'],
  ['a number as id', { ...event, id: 5 }, 'the event id'],
  ['an id with a line break', { ...event, id: 'a\nb' }, 'the event id'],
  ['an id that is too long', { ...event, id: 'x'.repeat(256) }, 'the event id'],
])('When a delivery has %s, then it is a poison event, and the error names the reason', (_, body, message) => {
  expect(() => parseCloudEvent(body)).toThrow(PoisonEvent);
  expect(() => parseCloudEvent(body)).toThrow(message);
});
