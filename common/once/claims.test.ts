import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SidecarError } from '../dapr/sidecar';
import type { SaveOptions, StateItem } from '../dapr/state';
import { captureLog } from '../testing/captured-log';
import { ClaimedElsewhere, createClaims, eventKey } from './claims';

/** A state store with Dapr's first-write rule. */
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
const { logger, lines } = captureLog();
const owner = () => createClaims(state, logger);

beforeEach(() => {
  state = new FakeState();
  lines.length = 0;
});
afterEach(() => vi.useRealTimers());

describe('taking a claim', () => {
  test('When many ask at once, then one gets it', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => owner()('event-1')));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(ClaimedElsewhere);
    }
  });

  test('When the owner is done, then nobody needs it any more, for a week', async () => {
    await (await owner()('event-1'))?.done();
    expect(await owner()('event-1')).toBeUndefined();
    expect(state.items.get('event-1')).toMatchObject({ ttlSeconds: 7 * 24 * 3600 });
  });

  test('When the owner has released it, then the next one gets it', async () => {
    const takeClaim = owner();
    await (await takeClaim('event-1'))?.release();
    expect(await takeClaim('event-1')).toBeDefined();
  });

  test('When the owner was killed and the lease has run out, then the next one gets it', async () => {
    await owner()('event-1');
    expect(state.items.get('event-1')).toMatchObject({ ttlSeconds: 10 });
    state.items.clear();
    expect(await owner()('event-1')).toBeDefined();
  });

  test.each([
    ['long ago', -3_000, 1],
    ['just now', -1_000, 0],
    ['at an unknown time', undefined, 1],
  ])(
    'When a claim that the store did not forget expired %s, then so many take it over: %3$s',
    async (_, sinceMs, winners) => {
      const value = { owner: 'dead', ...(sinceMs !== undefined && { expiresAt: Date.now() + sinceMs }) };
      state.items.set('event-1', { value, etag: '7', ttlSeconds: 10 });
      const answers = await Promise.allSettled(Array.from({ length: 20 }, () => owner()('event-1')));
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(winners);
    },
  );

  test.each([
    ['has forgotten it', undefined],
    ['has given it to somebody else', { value: { owner: 'them', expiresAt: Date.now() + 60_000 }, etag: '9' }],
  ])(
    'When a claim was taken over and the store %s by the time it is read, then the event does not count as done',
    async (_, found) => {
      const read = state.getState.getMockImplementation();
      state.items.set('event-1', { value: { owner: 'dead' }, etag: '7', ttlSeconds: 10 });
      state.getState.mockImplementationOnce(async (key) => read?.(key)).mockResolvedValueOnce(found);
      await expect(owner()('event-1')).rejects.toThrow(ClaimedElsewhere);
    },
  );

  test('When the answer to the claim got lost, then the claim is recognised as our own', async () => {
    const save = state.saveState.getMockImplementation();
    state.saveState.mockImplementationOnce(async (...args) => {
      await save?.(...args);
      throw new SidecarError('socket hang up');
    });
    expect(await owner()('event-1')).toBeDefined();
  });

  test('When the store is down, then that is the error, and the same process may try again', async () => {
    const takeClaim = owner();
    state.failures = 2;
    await expect(takeClaim('event-1')).rejects.toThrow('the store is down');
    expect(await takeClaim('event-1')).toBeDefined();
  });

  test('When the store has forgotten a claim whose owner is still at work, then the same process does not begin again', async () => {
    const takeClaim = owner();
    await takeClaim('event-1');
    state.items.clear();
    await expect(takeClaim('event-1')).rejects.toThrow(ClaimedElsewhere);
  });
});

describe('a claim that is held', () => {
  test('When the work takes longer than a lease, then the claim is renewed', async () => {
    vi.useFakeTimers();
    const claim = await owner()('event-1');
    const etag = state.items.get('event-1')?.etag;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(state.items.get('event-1')?.etag).not.toBe(etag);
    await claim?.done();
    const saves = state.saveState.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(state.saveState.mock.calls).toHaveLength(saves);
  });

  test('When somebody else has taken over, then neither renewing nor releasing takes it away from them', async () => {
    vi.useFakeTimers();
    const claim = await owner()('event-1');
    const theirs = { value: { owner: 'them', expiresAt: Date.now() + 60_000 }, etag: '99', ttlSeconds: 10 };
    state.items.set('event-1', theirs);
    await vi.advanceTimersByTimeAsync(3_000);
    await claim?.release();
    expect(state.items.get('event-1')).toBe(theirs);
  });

  test('When the answer to a renewal got lost, then it is recognised, and not complained of', async () => {
    vi.useFakeTimers();
    await owner()('event-1');
    const save = state.saveState.getMockImplementation();
    state.saveState.mockImplementationOnce(async (...args) => {
      await save?.(...args);
      throw new SidecarError('another key of the same request was taken');
    });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(state.saveState).toHaveBeenCalledTimes(2);
    expect(lines).toEqual([]);
  });

  test('When the mark is saved without its time to live, then it is saved once more: it would go with the claim', async () => {
    const claim = await owner()('event-1');
    state.saveState.mockImplementationOnce(async (key, value) => {
      state.items.set(key, { value, etag: 'half', ttlSeconds: 10 });
      throw new SidecarError('failed to set key event-1 ttl');
    });
    await claim?.done();
    expect(state.items.get('event-1')).toMatchObject({ value: { done: true }, ttlSeconds: 7 * 24 * 3600 });
  });

  test('When the store comes back after a while, then the mark is set after all', async () => {
    vi.useFakeTimers();
    const claim = await owner()('event-1');
    state.failures = 20;
    const done = claim?.done();
    await vi.advanceTimersByTimeAsync(10_000);
    await done;
    expect(state.items.get('event-1')?.value).toEqual({ done: true });
  });

  test('When the store does not come back for a minute, then one line says what that means', async () => {
    vi.useFakeTimers();
    const claim = await owner()('event-1');
    state.failures = Number.POSITIVE_INFINITY;
    const done = claim?.done();
    await vi.advanceTimersByTimeAsync(61_000);
    await done;
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        eventId: 'event-1',
        msg: expect.stringContaining('may be done again'),
      }),
    );
  });
});

test.each([
  ['c2f4714a-e1af-4d9f-98df-15ef24967247', 'c2f4714a-e1af-4d9f-98df-15ef24967247'],
  ['a||b', undefined],
  ['<a@b>', undefined],
])('When an event is called %j, then its key holds only letters, digits and hyphens', (id, expected) => {
  expect(eventKey(id)).toMatch(/^[A-Za-z0-9-]{1,64}$/);
  if (id === expected) expect(eventKey(id)).toBe(id);
  else expect(eventKey(id)).not.toBe(eventKey(`${id}x`));
});
