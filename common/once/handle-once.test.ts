import { beforeEach, expect, test, vi } from 'vitest';
import { PermanentFailure } from '../dapr/subscription';
import { captureLog } from '../testing/captured-log';
import type { Claims } from './claims';
import { createHandleOnce, MAX_CONCURRENT } from './handle-once';

const { logger, lines } = captureLog();
const calls: string[] = [];
const claim = { done: async () => void calls.push('done'), release: async () => void calls.push('release') };
const take = vi.fn<Claims['take']>();
const marked = vi.fn<Claims['marked']>();
const work = vi.fn<() => Promise<void>>();
const waiting = new AbortController().signal;
const create = () => createHandleOnce({ take, marked }, logger);
const event = (id: string) => ({ topic: 'followerAdded', id });
const deliver = () => create().handleOnce(event('event-1'), waiting, work);

beforeEach(() => {
  calls.length = 0;
  take.mockReset().mockImplementation(async () => {
    calls.push('claim');
    return claim;
  });
  marked.mockReset().mockResolvedValue();
  work.mockReset().mockImplementation(async () => void calls.push('work'));
});

test('When an event is delivered, then it is claimed, handled and marked as done, in this order', async () => {
  await deliver();
  expect(calls).toEqual(['claim', 'work', 'done']);
  expect(take).toHaveBeenCalledExactlyOnceWith({ topic: 'followerAdded', id: 'event-1' });
});

test('When the event is already done, then it is not handled again, and the log says so', async () => {
  take.mockResolvedValue(undefined);
  await deliver();
  expect(work).not.toHaveBeenCalled();
  expect(lines).toContainEqual(expect.objectContaining({ eventId: 'event-1', msg: 'done before' }));
});

test.each([new Error('451 try later'), new PermanentFailure('550 no such mailbox')])(
  'When the work fails with %s, then the claim is released, and the delivery fails with the same error',
  async (failure) => {
    work.mockRejectedValue(failure);
    await expect(deliver()).rejects.toBe(failure);
    expect(calls).toEqual(['claim', 'release']);
  },
);

test('When the claim cannot be taken, then the event is not handled', async () => {
  take.mockRejectedValue(new Error('the store is down'));
  await expect(deliver()).rejects.toThrow('the store is down');
  expect(work).not.toHaveBeenCalled();
});

test('When the concurrency limit is read, then it is 16, as in the README', () => {
  expect(MAX_CONCURRENT).toBe(16);
});

test('When many events arrive at once, then 16 are handled at a time, and the others are claimed and wait', async () => {
  const pendingWork: (() => void)[] = [];
  work.mockImplementation(() => new Promise((resolve) => pendingWork.push(resolve)));
  const { handleOnce } = create();
  const deliveries = Array.from({ length: MAX_CONCURRENT + 5 }, (_, i) =>
    handleOnce(event(`event-${i}`), waiting, work),
  );
  await vi.waitFor(() => expect(pendingWork).toHaveLength(MAX_CONCURRENT), { timeout: 20_000 });
  expect(take).toHaveBeenCalledTimes(MAX_CONCURRENT + 5);
  expect(work).toHaveBeenCalledTimes(MAX_CONCURRENT);
  for (const resolve of pendingWork.splice(0)) resolve();
  await vi.waitFor(() => expect(pendingWork).toHaveLength(5), { timeout: 20_000 });
  for (const resolve of pendingWork) resolve();
  await Promise.all(deliveries);
  expect(work).toHaveBeenCalledTimes(MAX_CONCURRENT + 5);
});

test('When Dapr abandons a delivery before its event is handled, then the event is not handled, and its claim is released', async () => {
  await expect(create().handleOnce(event('event-1'), AbortSignal.abort(), work)).rejects.toThrow();
  expect(calls).toEqual(['claim', 'release']);
});

test('When Dapr abandons a delivery while its event waits, then its claim is released at once, and the next event is handled instead', async () => {
  const pendingWork: (() => void)[] = [];
  work.mockImplementation(() => new Promise((resolve) => pendingWork.push(resolve)));
  const { handleOnce } = create();
  const abandoning = new AbortController();
  const inProgress = Array.from({ length: MAX_CONCURRENT }, (_, i) => handleOnce(event(`event-${i}`), waiting, work));
  await vi.waitFor(() => expect(pendingWork).toHaveLength(MAX_CONCURRENT), { timeout: 20_000 });
  const abandoned = [
    handleOnce(event('abandoned-1'), abandoning.signal, work),
    handleOnce(event('abandoned-2'), abandoning.signal, work),
  ];
  const next = handleOnce(event('next'), waiting, work);
  await vi.waitFor(() => expect(take).toHaveBeenCalledTimes(MAX_CONCURRENT + 3));
  abandoning.abort();
  for (const delivery of abandoned) await expect(delivery).rejects.toThrow('Dapr no longer waits');
  expect(calls.filter((call) => call === 'release')).toHaveLength(2);
  pendingWork[0]?.();
  await vi.waitFor(() => expect(pendingWork).toHaveLength(MAX_CONCURRENT + 1));
  for (const resolve of pendingWork) resolve();
  await Promise.all([...inProgress, next]);
  expect(work).toHaveBeenCalledTimes(MAX_CONCURRENT + 1);
});

test('When events are in progress, then a stop waits until each has ended and every mark is stored', async () => {
  const pendingWork: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const { handleOnce, idle } = create();
  work.mockImplementation(() => new Promise((resolve, reject) => pendingWork.push({ resolve, reject })));
  const deliveries = ['event-1', 'event-2'].map((id) => handleOnce(event(id), waiting, work));
  await vi.waitFor(() => expect(pendingWork).toHaveLength(2));
  const stopped = vi.fn();
  const stop = idle().then(stopped);
  pendingWork[0]?.resolve();
  await deliveries[0];
  expect(stopped).not.toHaveBeenCalled();
  pendingWork[1]?.reject(new Error('451'));
  await expect(deliveries[1]).rejects.toThrow('451');
  await stop;
  expect(calls).toEqual(['claim', 'claim', 'done', 'release']);
  expect(marked).toHaveBeenCalledOnce();
  await idle();
});
