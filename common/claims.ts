import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dapr, StateItem } from './dapr';
import type { Logger } from './logger';

// Dapr tries a failed delivery again for at least 15 s (components/resiliency.yaml), which is longer than a lease: the
// claim of a service that was killed has expired before its event becomes a dead letter.
const LEASE_SECONDS = 10;
const RENEW_MS = 3_000;
/** How long a repeated event is recognised, an `Idempotency-Key` that is used again among them. */
const DONE_SECONDS = 7 * 24 * 3600;
/** As long as Redis may need to come back after a crash. */
const MARK_DONE_MS = 60_000;
const MARK_DONE_PAUSE_MS = 250;

/** Somebody is at work on the event already. It may be done when Dapr delivers it the next time. */
export class ClaimedElsewhere extends Error {}

/** The right to act on one event, for as long as its owner lives. */
export interface Claim {
  /** Nobody acts on the event again. Resolves once that is written down, or has been tried for a minute. */
  done(): Promise<void>;
  /** The next delivery may act on the event at once. */
  release(): Promise<void>;
}

/**
 * Claims the event for one delivery. Undefined when it was done before.
 *
 * @throws {ClaimedElsewhere} while another delivery of it is under way
 * @throws {SidecarError} while the state store does not answer
 */
export type TakeClaim = (eventId: string) => Promise<Claim | undefined>;

/**
 * A name for an event that fits in state keys, Message-IDs and push ids: the event's own id where it is a plain word,
 * as the ids of api-facade are, and its hash otherwise.
 */
export const eventKey = (eventId: string): string =>
  /^[A-Za-z0-9-]{1,64}$/.test(eventId) ? eventId : createHash('sha256').update(eventId).digest('hex');

type State = Pick<Dapr, 'getState' | 'saveState' | 'deleteState'>;

/** Claims in the Dapr state store. Each service has its own: Dapr puts the app id before every key. */
export function createClaims(state: State, logger: Logger): TakeClaim {
  // What this process is at work on, in case that the store forgets a claim before its owner could mark it as done.
  const underWay = new Set<string>();

  return async (eventId) => {
    const key = eventKey(eventId);
    if (underWay.has(key)) throw new ClaimedElsewhere('another delivery of this event is under way');
    underWay.add(key);
    const end = () => void underWay.delete(key);
    const owner = randomUUID();
    try {
      if (await take(state, key, owner)) return new Lease(state, key, owner, logger.child({ eventId }), end);
    } catch (error) {
      end();
      throw error;
    }
    end();
    return undefined;
  };
}

/** False when the event is done. */
async function take(state: State, key: string, owner: string): Promise<boolean> {
  try {
    await state.saveState(key, { owner }, { ttlSeconds: LEASE_SECONDS });
    return true;
  } catch (error) {
    const mark = (await state.getState(key))?.value as { owner?: string; done?: boolean } | undefined;
    if (mark?.owner === owner) return true; // it was saved, only the answer got lost
    if (mark?.done) return false;
    if (mark) throw new ClaimedElsewhere('another delivery of this event is under way');
    throw error;
  }
}

/** A claim that expires unless its owner lives to renew it. */
class Lease implements Claim {
  private renewing = Promise.resolve();
  private readonly timer = setInterval(() => {
    this.renewing = this.renewing.then(() => this.renew());
  }, RENEW_MS);

  constructor(
    private readonly state: State,
    private readonly key: string,
    private readonly owner: string,
    private readonly logger: Logger,
    private readonly end: () => void,
  ) {}

  async done(): Promise<void> {
    await this.stopRenewing();
    const deadline = Date.now() + MARK_DONE_MS;
    let failure = await this.markDone();
    while (failure && Date.now() < deadline) {
      await sleep(MARK_DONE_PAUSE_MS);
      failure = await this.markDone();
    }
    if (failure) this.logger.error(`done, but not marked as done, and may be done again: ${failure.message}`);
    this.end();
  }

  async release(): Promise<void> {
    await this.stopRenewing();
    try {
      const item = await this.mine();
      if (item) await this.state.deleteState(this.key, item.etag);
    } catch (error) {
      this.logger.warn(`the claim stays until it expires: ${(error as Error).message}`);
    }
    this.end();
  }

  private async markDone(): Promise<Error | undefined> {
    try {
      const etag = (await this.state.getState(this.key))?.etag;
      await this.state.saveState(this.key, { done: true }, { etag, ttlSeconds: DONE_SECONDS });
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  private async renew(): Promise<void> {
    try {
      const item = await this.mine();
      if (item) {
        await this.state.saveState(this.key, { owner: this.owner }, { etag: item.etag, ttlSeconds: LEASE_SECONDS });
      }
    } catch (error) {
      this.logger.warn(`the claim could not be renewed: ${(error as Error).message}`);
    }
  }

  private async stopRenewing(): Promise<void> {
    clearInterval(this.timer);
    await this.renewing;
  }

  /** What is stored, unless it is somebody else's by now. */
  private async mine(): Promise<StateItem | undefined> {
    const item = await this.state.getState(this.key);
    return (item?.value as { owner?: string } | undefined)?.owner === this.owner ? item : undefined;
  }
}
