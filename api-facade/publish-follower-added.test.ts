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

test('When a follow is published, then the event has topic, type, data, id and trace', async () => {
  const { publish, publishFollowerAdded } = setUp();
  await publishFollowerAdded(follow, 'event-1', trace);
  const event = { topic: 'followerAdded', data: follow, id: 'event-1', type: 'followerAdded', trace };
  expect(publish).toHaveBeenCalledExactlyOnceWith(event);
});

test('When the publish fails, then so does the call', async () => {
  const { publish, publishFollowerAdded } = setUp();
  publish.mockRejectedValue(new Error('down'));
  await expect(publishFollowerAdded(follow, 'event-1', trace)).rejects.toThrow('down');
});
