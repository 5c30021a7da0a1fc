import { beforeEach, expect, test, vi } from 'vitest';
import { type Notify, PermanentFailure } from '../dapr/subscriber';
import { captureLog } from '../testing/captured-log';
import type { TakeClaim } from './claims';
import { AT_A_TIME, notifyOnce } from './notify-once';

const follow = { follower: 'alice', followee: 'bob' };
const { logger, lines } = captureLog();
const calls: string[] = [];
const claim = { done: async () => void calls.push('done'), release: async () => void calls.push('release') };
const takeClaim = vi.fn<TakeClaim>();
const notify = vi.fn<Notify>();
const waiting = new AbortController().signal;
const notifier = () => notifyOnce(notify, takeClaim, logger);
const deliver = () => notifier().notify(follow, 'event-1', waiting);

beforeEach(() => {
  calls.length = 0;
  takeClaim.mockReset().mockImplementation(async () => {
    calls.push('claim');
    return claim;
  });
  notify.mockReset().mockImplementation(async () => void calls.push('notify'));
});

test('When an event is delivered, then it is claimed, notified and marked as done, in this order', async () => {
  await deliver();
  expect(calls).toEqual(['claim', 'notify', 'done']);
  expect(notify).toHaveBeenCalledExactlyOnceWith(follow, 'event-1', waiting);
});

test('When the event was done before, then nobody is notified, and the log says why', async () => {
  takeClaim.mockResolvedValue(undefined);
  await deliver();
  expect(notify).not.toHaveBeenCalled();
  expect(lines).toContainEqual(expect.objectContaining({ eventId: 'event-1', msg: 'done before' }));
});

test.each([new Error('451 try later'), new PermanentFailure('550 no such mailbox')])(
  'When the notification fails with %s, then the claim is released, and the failure is the same',
  async (failure) => {
    notify.mockRejectedValue(failure);
    await expect(deliver()).rejects.toBe(failure);
    expect(calls).toEqual(['claim', 'release']);
  },
);

test('When the claim cannot be had, then nobody is notified', async () => {
  takeClaim.mockRejectedValue(new Error('the store is down'));
  await expect(deliver()).rejects.toThrow('the store is down');
  expect(notify).not.toHaveBeenCalled();
});

test('When many events come at once, then a few are under way at a time, and the others are claimed and wait', async () => {
  const handOver: (() => void)[] = [];
  notify.mockImplementation(() => new Promise((resolve) => handOver.push(resolve)));
  const once = notifier().notify;
  const deliveries = Array.from({ length: AT_A_TIME + 5 }, (_, i) => once(follow, `event-${i}`, waiting));
  await vi.waitFor(() => expect(handOver).toHaveLength(AT_A_TIME), { timeout: 5_000 });
  expect(takeClaim).toHaveBeenCalledTimes(AT_A_TIME + 5);
  expect(notify).toHaveBeenCalledTimes(AT_A_TIME);
  for (const resolve of handOver.splice(0)) resolve();
  await vi.waitFor(() => expect(handOver).toHaveLength(5), { timeout: 5_000 });
  for (const resolve of handOver) resolve();
  await Promise.all(deliveries);
  expect(notify).toHaveBeenCalledTimes(AT_A_TIME + 5);
});

test('When Dapr has left before the turn of an event comes, then nobody is notified, and the claim is released', async () => {
  await expect(notifier().notify(follow, 'event-1', AbortSignal.abort())).rejects.toThrow();
  expect(calls).toEqual(['claim', 'release']);
});

test('When Dapr leaves while an event waits for its turn, then its claim is released at once, and the next one has its turn', async () => {
  const handOver: (() => void)[] = [];
  notify.mockImplementation(() => new Promise((resolve) => handOver.push(resolve)));
  const once = notifier().notify;
  const leaving = new AbortController();
  const underWay = Array.from({ length: AT_A_TIME }, (_, i) => once(follow, `event-${i}`, waiting));
  await vi.waitFor(() => expect(handOver).toHaveLength(AT_A_TIME), { timeout: 5_000 });
  const left = [once(follow, 'left-1', leaving.signal), once(follow, 'left-2', leaving.signal)];
  const next = once(follow, 'next', waiting);
  await vi.waitFor(() => expect(takeClaim).toHaveBeenCalledTimes(AT_A_TIME + 3));
  leaving.abort();
  for (const delivery of left) await expect(delivery).rejects.toThrow('Dapr no longer waits');
  expect(calls.filter((call) => call === 'release')).toHaveLength(2);
  handOver[0]?.();
  await vi.waitFor(() => expect(handOver).toHaveLength(AT_A_TIME + 1));
  for (const resolve of handOver) resolve();
  await Promise.all([...underWay, next]);
  expect(notify.mock.lastCall?.[1]).toBe('next');
  expect(notify).toHaveBeenCalledTimes(AT_A_TIME + 1);
});

test('When a notification is under way, then a stop waits until it is marked as done, however it ends', async () => {
  const handOver: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const { notify: once, idle } = notifier();
  notify.mockImplementation(() => new Promise((resolve, reject) => handOver.push({ resolve, reject })));
  const deliveries = ['event-1', 'event-2'].map((id) => once(follow, id, waiting));
  await vi.waitFor(() => expect(handOver).toHaveLength(2));
  const stopped = vi.fn();
  const stop = idle().then(stopped);
  handOver[0]?.resolve();
  await deliveries[0];
  expect(stopped).not.toHaveBeenCalled();
  handOver[1]?.reject(new Error('451'));
  await expect(deliveries[1]).rejects.toThrow('451');
  await stop;
  expect(calls).toEqual(['claim', 'claim', 'done', 'release']);
  await idle();
});
