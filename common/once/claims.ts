import { createHash, randomUUID } from 'node:crypto';
import type { State, StateItem } from '../dapr/state';
import type { Logger } from '../logger';

// Dapr tries a failed delivery again for at least 15 s (components/resiliency.yaml), which is longer than a lease: the
// claim of a service that was killed has expired before its event becomes a dead letter.
const LEASE_SECONDS = 10;
const RENEW_MS = 3_000;
/** How far the clocks of two replicas may be apart. */
const CLOCK_SKEW_MS = 2_000;
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
      const etag = await take(state, key, owner);
      if (etag !== undefined) return new Lease({ state, key, owner, logger: logger.child({ eventId }), end }, etag);
    } catch (error) {
      end();
      throw error;
    }
    end();
    return undefined;
  };
}

/** What is stored: a claim, or that there is nothing left to do. */
type ClaimMark = { owner: string; expiresAt: number };
type DoneMark = { done: true };

const claimOf = (owner: string): ClaimMark => ({ owner, expiresAt: Date.now() + LEASE_SECONDS * 1_000 });

/**
 * A claim expires by the store's time to live. But Dapr writes value and time to live to Redis one after the other: a
 * sidecar that is killed in between leaves a claim that stays for ever. So the claim says itself when it ends.
 */
const isLeftBehind = (mark: Partial<Record<string, unknown>>) =>
  !(typeof mark.expiresAt === 'number' && Date.now() < mark.expiresAt + CLOCK_SKEW_MS);

/**
 * The etag of the claim; undefined when the event is done. Whatever saving it answered: what counts is what is read
 * afterwards, for the claim may have been saved although the answer was an error.
 */
async function take(state: State, key: string, owner: string): Promise<string | undefined> {
  const save = (etag?: string) => state.saveState(key, claimOf(owner), { etag, ttlSeconds: LEASE_SECONDS });
  const failure = await save().catch((error: Error) => error);
  const { value, etag } = (await state.getState(key)) ?? {};
  if (etag === undefined) throw failure ?? new Error('the claim is not in the state store');
  const mark = value as Partial<Record<string, unknown>>;
  if (mark.owner === owner) return etag;
  if (mark.done) return undefined;
  if (!isLeftBehind(mark)) throw new ClaimedElsewhere('another delivery of this event is under way');
  await save(etag);
  const taken = await state.getState(key);
  if ((taken?.value as { owner?: string } | undefined)?.owner === owner) return taken?.etag;
  // Undefined would say that it is done. Nobody knows, so the next delivery finds out.
  throw new ClaimedElsewhere('the claim that was taken over is not ours any more');
}

interface LeaseOptions {
  state: State;
  key: string;
  owner: string;
  logger: Logger;
  /** Called once the claim is no longer held. */
  end: () => void;
}

/** A claim that expires unless its owner lives to renew it. */
class Lease implements Claim {
  private renewing = Promise.resolve();
  private readonly timer = setInterval(() => {
    this.renewing = this.renewing.then(() => this.renew());
  }, RENEW_MS);

  /**
   * @param etag read before the work and not after it: the moment between the work and its mark, in which a kill makes
   * the work be done twice, is then one call long, and the one under way before it
   */
  constructor(
    private readonly options: LeaseOptions,
    private etag: string | undefined,
  ) {}

  async done(): Promise<void> {
    await this.stopRenewing();
    const deadline = Date.now() + MARK_DONE_MS;
    let failure = await this.markDone(this.etag);
    while (failure && Date.now() < deadline) {
      // Also when the mark is there: Dapr writes its time to live after it, and that may be what failed. The mark would
      // go with the claim's time to live, and the event could be done again.
      failure = await this.read().then(
        (item) => this.markDone(item?.etag),
        (error: Error) => error,
      );
      if (failure) await new Promise((resolve) => setTimeout(resolve, MARK_DONE_PAUSE_MS));
    }
    const { logger, end } = this.options;
    if (failure) logger.error(`done, but not marked as done, and may be done again: ${failure.message}`);
    end();
  }

  async release(): Promise<void> {
    const { state, key, logger, end } = this.options;
    await this.stopRenewing();
    try {
      if (this.etag !== undefined) await state.deleteState(key, this.etag);
    } catch (error) {
      logger.warn(`the claim stays until it expires: ${(error as Error).message}`);
    }
    end();
  }

  private read = (): Promise<StateItem | undefined> => this.options.state.getState(this.options.key);

  private async markDone(etag: string | undefined): Promise<Error | undefined> {
    const { state, key } = this.options;
    try {
      await state.saveState(key, { done: true } satisfies DoneMark, { etag, ttlSeconds: DONE_SECONDS });
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /** Prolongs the lease, unless somebody else has taken over. */
  private async renew(): Promise<void> {
    const { state, key, owner, logger } = this.options;
    if (this.etag === undefined) return;
    const renewed = claimOf(owner);
    try {
      const failure = await state
        .saveState(key, renewed, { etag: this.etag, ttlSeconds: LEASE_SECONDS })
        .catch((error: Error) => error);
      const item = await this.read();
      const found = item?.value as Partial<typeof renewed> | undefined;
      this.etag = found?.owner === owner ? item?.etag : undefined;
      if (failure && found?.expiresAt !== renewed.expiresAt) throw failure;
    } catch (error) {
      logger.warn(`the claim could not be renewed: ${(error as Error).message}`);
    }
  }

  private async stopRenewing(): Promise<void> {
    clearInterval(this.timer);
    await this.renewing;
  }
}
