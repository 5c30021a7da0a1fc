import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Dapr } from '../common/dapr/client';
import { SidecarError, UnreachableApp } from '../common/dapr/sidecar';
import { Replay } from './replay';
import type { Task } from './usage';

const deliver = vi.fn<Dapr['deliver']>();
const subscriptionsOf = vi.fn<Dapr['subscriptionsOf']>();
const keep = vi.fn<(event: object) => Promise<void>>();
const printed: string[] = [];
const create = (task: Task = { kind: 'replay' }) =>
  new Replay({
    service: 'email-notification-service',
    task,
    dapr: { deliver, subscriptionsOf },
    keep,
    print: (line) => printed.push(line),
    reachPauseMs: 1,
  });
const data = { follower: 'alice', followee: 'bob' };
const event = { id: 'event-1', topic: 'followerAdded', time: '2026-01-01T00:00:00Z', data };
const none = { found: 0, replayed: 0, returned: 0, discarded: 0 };

beforeEach(() => {
  deliver.mockReset().mockResolvedValue({ status: 'SUCCESS' });
  subscriptionsOf.mockReset().mockResolvedValue([
    { topic: 'followerAdded', route: '/followerAdded' },
    { topic: 'followerRemoved', route: '/removed' },
  ]);
  keep.mockReset().mockResolvedValue();
  printed.length = 0;
});

describe('a replay', () => {
  test('When the service handles a dead letter, then it is not kept', async () => {
    const replay = create();
    await replay.take(event);
    expect(deliver).toHaveBeenCalledExactlyOnceWith('email-notification-service', '/followerAdded', event);
    expect(keep).not.toHaveBeenCalled();
    expect(replay.counts).toEqual({ ...none, found: 1, replayed: 1 });
  });

  test('When dead letters have different topics, then each goes to the route of its topic', async () => {
    const replay = create();
    await Promise.all([replay.take(event), replay.take({ ...event, id: 'event-2', topic: 'followerRemoved' })]);
    expect(deliver.mock.calls.map(([, route, letter]) => `${(letter as typeof event).id} ${route}`)).toEqual([
      'event-1 /followerAdded',
      'event-2 /removed',
    ]);
    expect(subscriptionsOf).toHaveBeenCalledOnce();
  });

  test('When the service does not subscribe to the topic of a dead letter, then it is kept and delivered nowhere', async () => {
    await create().take({ ...event, topic: 'orders' });
    expect(deliver).not.toHaveBeenCalled();
    expect(keep).toHaveBeenCalledOnce();
    expect(printed).toEqual(['returned event-1: email-notification-service does not subscribe to "orders"']);
  });

  test.each([
    ['refuses it for good', { status: 'DROP' }],
    ['answers something else', 'hello'],
  ])('When the service %s, then the dead letter is kept, and a line says so', async (_, answer) => {
    deliver.mockResolvedValue(answer);
    const replay = create();
    await replay.take(event);
    expect(keep).toHaveBeenCalledExactlyOnceWith(event);
    expect(replay.counts).toEqual({ ...none, found: 1, returned: 1 });
    expect(printed).toEqual(['returned event-1: email-notification-service refuses it for good; its log says why']);
  });

  test('When the delivery fails, then the dead letter is kept, and the line says why', async () => {
    deliver.mockRejectedValue(new Error('cannot deliver to email-notification-service: 500'));
    await create().take(event);
    expect(keep).toHaveBeenCalledOnce();
    expect(printed).toEqual(['returned event-1: cannot deliver to email-notification-service: 500']);
  });

  test('When the service is not found at once, then the replay looks for it again, five times in all', async () => {
    deliver.mockRejectedValueOnce(new UnreachableApp('not found'));
    await create().take(event);
    expect(keep).not.toHaveBeenCalled();
    deliver.mockReset().mockRejectedValue(new UnreachableApp('not found'));
    await create().take(event);
    expect(deliver).toHaveBeenCalledTimes(5);
    expect(printed).toEqual(['returned event-1: not found']);
  });

  test('When a dead letter that is kept arrives in copies, then it is tried once and kept once', async () => {
    deliver.mockResolvedValue({ status: 'DROP' });
    const replay = create();
    await Promise.all([replay.take(event), replay.take(event)]);
    await replay.take(event);
    expect(deliver).toHaveBeenCalledOnce();
    expect(keep).toHaveBeenCalledOnce();
    expect(replay.counts).toEqual({ ...none, found: 1, returned: 1 });
  });

  test('When a dead letter cannot be kept, then it stays on its topic, and is tried again when it comes again', async () => {
    deliver.mockResolvedValue({ status: 'DROP' });
    keep.mockRejectedValueOnce(new SidecarError('the broker is down'));
    const replay = create();
    await expect(replay.take(event)).rejects.toThrow('the broker is down');
    expect(replay.counts).toEqual(none);
    expect(replay.hasFailed).toBe(true);
    await replay.take(event);
    expect(replay.counts).toEqual({ ...none, found: 1, returned: 1 });
    expect(replay.inProgress).toBe(0);
  });
});

describe('a list', () => {
  test('When dead letters are listed, then each has one line, is delivered nowhere and is kept', async () => {
    await create({ kind: 'list' }).take(event);
    expect(printed).toEqual(['event-1 2026-01-01T00:00:00Z {"follower":"alice","followee":"bob"}']);
    expect(keep).toHaveBeenCalledExactlyOnceWith(event);
    expect(deliver).not.toHaveBeenCalled();
  });

  test.each([
    ['control characters', { id: 'a\u001b[2J\nb', data: '\u202eevil' }],
    ['no id', { data: { a: 'x'.repeat(10_000) } }],
    ['nothing at all', null],
  ])('When an event has %s, then its line is one short line of visible characters', async (_, hostile) => {
    await create({ kind: 'list' }).take(hostile);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(/^[^\p{Cc}\p{Cf}]{1,500}$/u);
  });
});

describe('a discard', () => {
  const other = { ...event, id: 'event-2' };

  test('When it is confirmed, then that dead letter is discarded, and the others are kept', async () => {
    const replay = create({ kind: 'discard', id: 'event-1', confirmed: true });
    await Promise.all([replay.take(event), replay.take(other)]);
    expect(keep).toHaveBeenCalledExactlyOnceWith(other);
    expect(deliver).not.toHaveBeenCalled();
    expect(replay.counts).toEqual({ ...none, found: 2, discarded: 1 });
    expect(printed).toEqual(['discarded event-1 2026-01-01T00:00:00Z {"follower":"alice","followee":"bob"}']);
  });

  test('When it is not confirmed, then the dead letter is shown and kept', async () => {
    const replay = create({ kind: 'discard', id: 'event-1', confirmed: false });
    await Promise.all([replay.take(event), replay.take(other)]);
    expect(keep).toHaveBeenCalledTimes(2);
    expect(replay.counts).toEqual({ ...none, found: 2 });
    expect(printed).toEqual(['event-1 2026-01-01T00:00:00Z {"follower":"alice","followee":"bob"}']);
  });
});
