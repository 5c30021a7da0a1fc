import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SidecarError } from '../dapr/sidecar';
import type { SaveOptions, StateItem } from '../dapr/state';
import { captureLog } from '../testing/captured-log';
import { ClaimedElsewhere, createClaims } from './claims';

/** A state store in memory, with the first-write concurrency of Dapr. */
class FakeState {
  readonly items = new Map<string, StateItem & { ttlSeconds: number | undefined }>();
  failures = 0;
  private version = 0;

  getState = vi.fn(async (key: string): Promise<StateItem | undefined> => {
    this.mayFail();
    return this.items.get(key);
  });

  saveState = vi.fn(async (key: string, value: object, { etag, ttlSeconds }: SaveOptions) => {
    this.mayFail();
    if (this.items.get(key)?.etag !== etag) throw new SidecarError(`cannot save ${key}`);
    this.items.set(key, { value: structuredClone(value), etag: String(++this.version), ttlSeconds });
  });

  deleteState = vi.fn(async (key: string, etag: string) => {
    this.mayFail();
    if (this.items.get(key)?.etag !== etag) throw new SidecarError(`cannot delete ${key}`);
    this.items.delete(key);
  });

  private mayFail(): void {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new SidecarError('the store is down');
    }
  }
}

let state: FakeState;
let { logger, lines } = captureLog();
const EVENT = { topic: 'followerAdded', id: 'event-1' };
const KEY = 'followerAdded.event-1';
/** Returns the claims of a new process. */
const owner = () => createClaims(state, logger);

beforeEach(() => {
  state = new FakeState();
  ({ logger, lines } = captureLog()); // a claim of an earlier test may still be renewed
});
afterEach(() => vi.useRealTimers());

describe('taking a claim', () => {
  test('When many processes take the claim at once, then exactly one gets it', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => owner().take(EVENT)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(ClaimedElsewhere);
    }
  });

  test('When the claim is released, then the next delivery gets the claim', async () => {
    const claims = owner();
    await (await claims.take(EVENT))?.release();
    expect(await claims.take(EVENT)).toBeDefined();
  });

  test('When the owner was killed, then the next delivery gets the claim after its lease and the difference of the clocks', async () => {
    vi.useFakeTimers();
    await owner().take(EVENT);
    vi.clearAllTimers(); // the renewals of the killed owner
    await vi.advanceTimersByTimeAsync(11_900);
    await expect(owner().take(EVENT)).rejects.toThrow(ClaimedElsewhere);
    await vi.advanceTimersByTimeAsync(100);
    expect(await owner().take(EVENT)).toBeDefined();
  });

  test.each([
    ['long ago', -3_000, 1],
    ['just now', -1_000, 0],
    ['at an unknown time', undefined, 1],
  ])(
    'When a claim that is still in the store expired %s, then the number of processes that get it is %3$s',
    async (_, sinceMs, winners) => {
      const value = { owner: 'dead', ...(sinceMs !== undefined && { expiresAt: Date.now() + sinceMs }) };
      state.items.set(KEY, { value, etag: '7', ttlSeconds: 10 });
      const answers = await Promise.allSettled(Array.from({ length: 20 }, () => owner().take(EVENT)));
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(winners);
    },
  );

  test.each([
    ['has lost the claim', undefined],
    ['has another owner', { value: { owner: 'them', expiresAt: Date.now() + 60_000 }, etag: '9' }],
  ])(
    'When an expired claim was taken and the store %s before it is read back, then the event does not count as done',
    async (_, found) => {
      const read = state.getState.getMockImplementation();
      state.items.set(KEY, { value: { owner: 'dead' }, etag: '7', ttlSeconds: 10 });
      state.getState.mockImplementationOnce(async (key) => read?.(key)).mockResolvedValueOnce(found);
      await expect(owner().take(EVENT)).rejects.toThrow(ClaimedElsewhere);
    },
  );

  test('When the answer to a claim is lost, then reading it back shows that the claim was taken', async () => {
    const save = state.saveState.getMockImplementation();
    state.saveState.mockImplementationOnce(async (...args) => {
      await save?.(...args);
      throw new SidecarError('socket hang up');
    });
    expect(await owner().take(EVENT)).toBeDefined();
  });

  test('When the store is down, then the claim fails with the error of the store, and the same process can claim the event later', async () => {
    const claims = owner();
    state.failures = 2;
    await expect(claims.take(EVENT)).rejects.toThrow('the store is down');
    expect(await claims.take(EVENT)).toBeDefined();
  });

  test('When the store has lost a claim and its owner is still working, then a delivery to the same process does not get the claim', async () => {
    const claims = owner();
    await claims.take(EVENT);
    state.items.clear();
    await expect(claims.take(EVENT)).rejects.toThrow(ClaimedElsewhere);
  });
});

describe('a claim in use', () => {
  test('When the event is marked as done, then it stays done for a week, even if Redis sets the time to live of the claim after it', async () => {
    vi.useFakeTimers();
    const claim = await owner().take(EVENT);
    await vi.advanceTimersByTimeAsync(3_000); // a renewal
    await claim?.done();
    expect(await owner().take(EVENT)).toBeUndefined();
    const timesToLive = state.saveState.mock.calls.map(([, , { ttlSeconds }]) => ttlSeconds);
    expect(timesToLive.slice(0, 3)).toEqual([604_800, 604_800, 604_800]);
  });

  test('When the work takes longer than a lease, then the claim is renewed', async () => {
    vi.useFakeTimers();
    const claim = await owner().take(EVENT);
    const etag = state.items.get(KEY)?.etag;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(state.items.get(KEY)?.etag).not.toBe(etag);
    await claim?.done();
    const saves = state.saveState.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(state.saveState.mock.calls).toHaveLength(saves);
  });

  test('When another owner has taken the claim, then neither a renewal nor a release removes it', async () => {
    vi.useFakeTimers();
    const claim = await owner().take(EVENT);
    const theirs = { value: { owner: 'them', expiresAt: Date.now() + 60_000 }, etag: '99', ttlSeconds: 10 };
    state.items.set(KEY, theirs);
    await vi.advanceTimersByTimeAsync(3_000);
    await claim?.release();
    expect(state.items.get(KEY)).toBe(theirs);
  });

  test('When the answer to a renewal is lost, then reading it back shows the renewal, and nothing is logged', async () => {
    vi.useFakeTimers();
    await owner().take(EVENT);
    const save = state.saveState.getMockImplementation();
    state.saveState.mockImplementationOnce(async (...args) => {
      await save?.(...args);
      throw new SidecarError('another key of the same request was taken');
    });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(state.saveState).toHaveBeenCalledTimes(2);
    expect(lines).toEqual([]);
  });

  test('When the store saves the mark without its time to live, then the mark is saved again', async () => {
    const claim = await owner().take(EVENT);
    state.saveState.mockImplementationOnce(async (key, value) => {
      state.items.set(key, { value, etag: 'half', ttlSeconds: 10 });
      throw new SidecarError('failed to set key ttl');
    });
    await claim?.done();
    expect(state.items.get(KEY)).toMatchObject({ value: { done: true }, ttlSeconds: 7 * 24 * 3600 });
  });

  test('When the store is down for some seconds, then the mark is stored afterwards', async () => {
    vi.useFakeTimers();
    const claim = await owner().take(EVENT);
    state.failures = 20;
    const done = claim?.done();
    await vi.advanceTimersByTimeAsync(10_000);
    await done;
    expect(state.items.get(KEY)?.value).toEqual({ done: true });
  });

  test('When the store stays down, then the delivery waits four seconds, the event counts as done in this process, and the mark is stored later', async () => {
    vi.useFakeTimers();
    const claims = owner();
    const claim = await claims.take(EVENT);
    state.failures = Number.POSITIVE_INFINITY;
    const finished = vi.fn();
    const done = claim?.done().then(finished);
    await vi.advanceTimersByTimeAsync(3_900);
    expect(finished).not.toHaveBeenCalled();
    expect(await claims.take(EVENT)).toBeUndefined();
    await vi.advanceTimersByTimeAsync(200);
    await done;
    const marked = vi.fn();
    const allMarked = claims.marked().then(marked);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(marked).not.toHaveBeenCalled();
    expect(await claims.take(EVENT)).toBeUndefined();
    const warnings = lines.filter(({ level, eventId }) => level === 'warn' && eventId === 'event-1');
    expect(warnings).toMatchObject([{ msg: expect.stringMatching(/^done, but the store does not take the mark/) }]);
    state.failures = 0;
    state.items.clear(); // the claim has expired
    await vi.advanceTimersByTimeAsync(500);
    await allMarked;
    expect(state.items.get(KEY)).toMatchObject({ value: { done: true }, ttlSeconds: 7 * 24 * 3600 });
    expect(lines).toContainEqual(expect.objectContaining({ eventId: 'event-1', msg: 'marked as done' }));
    expect(await claims.take(EVENT)).toBeUndefined();
  });

  test('When a renewal takes longer than the renewal interval, then no second renewal begins, and the mark waits for the first', async () => {
    vi.useFakeTimers();
    const claim = await owner().take(EVENT);
    const save = state.saveState.getMockImplementation();
    let finish = () => {};
    state.saveState.mockImplementationOnce(async (...args) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      await save?.(...args);
    });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(state.saveState).toHaveBeenCalledTimes(2); // the claim and one renewal
    const done = claim?.done();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(state.saveState).toHaveBeenCalledTimes(2);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    await done;
    // The mark uses the etag of the renewal, so its first save succeeds.
    expect(state.saveState).toHaveBeenCalledTimes(3);
    expect(state.items.get(KEY)?.value).toEqual({ done: true });
  });
});

test('When two topics have events with the same id, then each event has a separate claim', async () => {
  const claims = owner();
  await (await claims.take(EVENT))?.done();
  expect(await claims.take({ ...EVENT, topic: 'followerRemoved' })).toBeDefined();
});
