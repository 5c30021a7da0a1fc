import { expect, test, vi } from 'vitest';
import type { Dapr } from '../common/dapr/client';
import { startTrace } from '../common/http/trace-context';
import { createPublishFollowerAdded } from './publish-follower-added';

const follow = { follower: 'alice', followee: 'bob' };
const trace = startTrace();

function setUp() {
  const publish = vi.fn<Dapr['publish']>().mockResolvedValue();
  return { publish, publishFollowerAdded: createPublishFollowerAdded({ publish }) };
}

test('When a follow is published, then the event has topic, type, data and trace, and the id that is returned', async () => {
  const { publish, publishFollowerAdded } = setUp();
  const id = await publishFollowerAdded(follow, trace);
  const event = { topic: 'followerAdded', data: follow, id, type: 'followerAdded', trace };
  expect(publish).toHaveBeenCalledExactlyOnceWith(event);
});

test('When there is no key, then every event has an id of its own', async () => {
  const { publishFollowerAdded } = setUp();
  expect(await publishFollowerAdded(follow, trace)).not.toBe(await publishFollowerAdded(follow, trace));
});

test('When the key is the same, then so is the event id, and it does not give the key away', async () => {
  const { publishFollowerAdded } = setUp();
  const id = await publishFollowerAdded(follow, trace, 'order-7');
  expect(await publishFollowerAdded(follow, startTrace(), 'order-7')).toBe(id);
  expect(await publishFollowerAdded(follow, trace, 'order-8')).not.toBe(id);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
});

test('When the publish fails, then so does the call', async () => {
  const { publish, publishFollowerAdded } = setUp();
  publish.mockRejectedValue(new Error('down'));
  await expect(publishFollowerAdded(follow, trace)).rejects.toThrow('down');
});
