import { beforeEach, expect, test, vi } from 'vitest';
import type { Dapr } from '../common/dapr/client';
import { UnreachableApp } from '../common/dapr/sidecar';
import { Replay } from './replay';

const deliver = vi.fn<Dapr['deliver']>();
const printed: string[] = [];
const create = (listOnly = false) =>
  new Replay({
    service: 'email-notification-service',
    route: 'followerAdded',
    dapr: { deliver },
    listOnly,
    print: (line) => printed.push(line),
    reachPauseMs: 1,
  });
const event = { id: 'event-1', time: '2026-01-01T00:00:00Z', data: { follower: 'alice', followee: 'bob' } };

beforeEach(() => {
  deliver.mockReset().mockResolvedValue({ status: 'SUCCESS' });
  printed.length = 0;
});

test('When the service takes a dead letter, then it is off the topic', async () => {
  const replay = create();
  expect(await replay.take(event)).toBe('SUCCESS');
  expect(deliver).toHaveBeenCalledExactlyOnceWith('email-notification-service', 'followerAdded', event);
  expect(replay.counts).toEqual({ found: 1, replayed: 1, returned: 0 });
});

test.each([
  ['refuses it for good', { status: 'DROP' }, 'email-notification-service refuses it for good; its log says why'],
  ['answers something else', 'hello', 'email-notification-service refuses it for good; its log says why'],
])('When the service %s, then the dead letter goes back, and a line says so', async (_, answer, reason) => {
  deliver.mockResolvedValue(answer);
  const replay = create();
  expect(await replay.take(event)).toBe('DROP');
  expect(replay.counts).toEqual({ found: 1, replayed: 0, returned: 1 });
  expect(printed).toEqual([`returned event-1: ${reason}`]);
});

test('When the service cannot be reached, then the dead letter goes back, and the line says why', async () => {
  deliver.mockRejectedValue(new Error('cannot deliver to email-notification-service: 500'));
  const replay = create();
  expect(await replay.take(event)).toBe('DROP');
  expect(printed).toEqual(['returned event-1: cannot deliver to email-notification-service: 500']);
});

test('When the service is not found at once, then it is looked for again, but not for ever', async () => {
  deliver.mockRejectedValueOnce(new UnreachableApp('not found'));
  expect(await create().take(event)).toBe('SUCCESS');
  deliver.mockReset().mockRejectedValue(new UnreachableApp('not found'));
  expect(await create().take(event)).toBe('DROP');
  expect(printed).toEqual(['returned event-1: not found']);
});

test('When a dead letter that goes back comes in copies, then none is tried a second time and none is lost', async () => {
  deliver.mockResolvedValue({ status: 'DROP' });
  const replay = create();
  const verdicts = await Promise.all([replay.take(event), replay.take(event)]);
  expect([...verdicts, await replay.take(event)]).toEqual(['DROP', 'DROP', 'DROP']);
  expect(deliver).toHaveBeenCalledOnce();
  expect(replay.counts).toEqual({ found: 1, replayed: 0, returned: 1 });
});

test('When an event is there twice, then it is handed over once and both are off the topic', async () => {
  const replay = create();
  expect(await Promise.all([replay.take(event), replay.take(event)])).toEqual(['SUCCESS', 'SUCCESS']);
  expect(deliver).toHaveBeenCalledOnce();
  expect(replay.counts.found).toBe(1);
});

test('When dead letters are only listed, then each has one line and is kept', async () => {
  const replay = create(true);
  expect(await replay.take(event)).toBe('DROP');
  expect(printed).toEqual(['event-1 2026-01-01T00:00:00Z {"follower":"alice","followee":"bob"}']);
  expect(deliver).not.toHaveBeenCalled();
});

test.each([
  ['control characters', { id: 'a\u001b[2J\nb', data: '\u202eevil' }],
  ['no id', { data: { a: 'x'.repeat(10_000) } }],
  ['nothing at all', null],
])('When an event has %s, then its line is one short line of visible characters', async (_, hostile) => {
  await create(true).take(hostile);
  expect(printed).toHaveLength(1);
  expect(printed[0]).toMatch(/^[^\p{Cc}\p{Cf}]{1,500}$/u);
});
