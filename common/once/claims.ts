import { randomUUID } from 'node:crypto';
import type { State } from '../dapr/state';
import type { Logger } from '../logger';
import { eventKey } from './event-key';
import { claimBy, DONE_SECONDS, isExpired, Lease } from './lease';

/** Another delivery holds the claim of the event. The event may be done at the next delivery. */
export class ClaimedElsewhere extends Error {}

/** The right to handle one event. It ends with `done`, with `release`, or a few seconds after its lease when its process has died. */
export interface Claim {
  /**
   * Marks the event as done, so that no delivery handles it again. Resolves when the mark is stored, or after a few
   * seconds without an answer from the store. From then on, this process treats the event as done and keeps trying to
   * store the mark.
   */
  done(): Promise<void>;
  /** Gives the claim back, so that the next delivery can handle the event at once. */
  release(): Promise<void>;
}

export interface Claims {
  /**
   * Claims the event for one delivery. Resolves with undefined when the event is done.
   *
   * @throws {ClaimedElsewhere} while another delivery holds the claim
   * @throws {SidecarError} while the state store does not answer
   */
  take(event: { topic: string; id: string }): Promise<Claim | undefined>;
  /** Resolves when every mark is stored. */
  marked(): Promise<void>;
}

/** Returns claims in the Dapr state store. Dapr puts the app id before every key, so each service has separate claims. */
export function createClaims(state: State, logger: Logger): Claims {
  // The events that this process handles, and those that it has handled but could not mark yet. The store may forget a
  // claim before its owner can mark it; this map does not.
  const held = new Map<string, 'handling' | 'done'>();
  const marks = new Set<Promise<void>>();

  async function take({ topic, id }: { topic: string; id: string }): Promise<Claim | undefined> {
    // Two topics may carry events with the same id: an Idempotency-Key is used for a follow, then for an unfollow.
    const key = `${topic}.${eventKey(id)}`;
    const here = held.get(key);
    if (here === 'done') return undefined;
    if (here) throw new ClaimedElsewhere('another delivery of this event is in progress');
    held.set(key, 'handling');
    const owner = randomUUID();
    try {
      const taken = await takeKey(state, key, owner);
      if (taken === 'done before') {
        held.delete(key);
        return undefined;
      }
      return claim(new Lease({ state, key, owner, logger: logger.child({ eventId: id }) }, taken.etag), key);
    } catch (error) {
      held.delete(key);
      throw error;
    }
  }

  const claim = (lease: Lease, key: string): Claim => ({
    async done() {
      held.set(key, 'done');
      const mark = lease.mark().finally(() => {
        held.delete(key);
        marks.delete(mark);
      });
      marks.add(mark);
      await lease.inTime(mark);
    },
    async release() {
      await lease.release();
      held.delete(key);
    },
  });

  return {
    take,
    async marked() {
      await Promise.all(marks);
    },
  };
}

/**
 * Returns the taken claim, with its etag when that was read. A new claim is saved only if its key does not exist, so the
 * answer to the save tells that it is ours. An error tells nothing: the store may have saved the claim although its
 * answer was lost. Then we read the key back.
 *
 * @throws {ClaimedElsewhere} while another delivery holds the claim
 * @throws {SidecarError} while the state store does not answer
 */
async function takeKey(state: State, key: string, owner: string): Promise<{ etag?: string } | 'done before'> {
  const save = (etag?: string) => state.saveState(key, claimBy(owner), { etag, ttlSeconds: DONE_SECONDS });
  const failure = await save().then(
    () => undefined,
    (error: Error) => error,
  );
  if (!failure) return {};
  const { value, etag } = (await state.getState(key)) ?? {};
  if (etag === undefined) throw failure;
  const found = value as Partial<Record<string, unknown>>;
  if (found.owner === owner) return { etag };
  if (found.done) return 'done before';
  if (!isExpired(found)) throw new ClaimedElsewhere('another delivery of this event is in progress');
  await save(etag);
  const taken = await state.getState(key);
  if (taken && (taken.value as { owner?: string }).owner === owner) return { etag: taken.etag };
  // We do not know whether the event is done, so we do not return 'done before'.
  throw new ClaimedElsewhere('another delivery has taken the expired claim of this event');
}
