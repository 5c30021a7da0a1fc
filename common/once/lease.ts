import type { State, StateItem } from '../dapr/state';
import type { Logger } from '../logger';

// Dapr retries a failed delivery for at least 15 s (components/common/resiliency.yaml), which is longer than a lease. So the
// claim of a killed service expires before its event becomes a dead letter.
export const LEASE_SECONDS = 10;
export const RENEW_INTERVAL_MS = 3_000;
/** The largest difference between the clocks of two replicas. */
export const CLOCK_SKEW_MS = 2_000;
/**
 * How long a repeated event is recognised, and with it a repeated `Idempotency-Key`. Claims have the same time to live
 * as marks: Dapr writes a value and its time to live to Redis in two steps. When Redis or the sidecar stands still, the
 * second step of a claim may come after the mark. A shorter time would then remove the mark.
 */
export const DONE_SECONDS = 7 * 24 * 3600;
/** How long a delivery waits for its mark. Dapr waits 5 s for a delivery (components/common/resiliency.yaml). */
export const MARK_LATE_MS = 4_000;
const MARK_RETRY_MS = 250;

/** The stored value while an event is handled. */
interface ClaimMark {
  owner: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** The stored value when an event is done. */
interface DoneMark {
  done: true;
}

/** Returns the value of a claim that starts now. */
export const claimBy = (owner: string): ClaimMark => ({ owner, expiresAt: Date.now() + LEASE_SECONDS * 1_000 });

/** Whether a claim has expired. The store keeps it for longer, so the claim itself holds its end. */
export const isExpired = (mark: Partial<Record<string, unknown>>): boolean =>
  !(typeof mark.expiresAt === 'number' && Date.now() < mark.expiresAt + CLOCK_SKEW_MS);

export interface LeaseOptions {
  state: State;
  key: string;
  owner: string;
  logger: Logger;
}

/** A claim in the state store that its owner renews until it marks the event as done or releases it. */
export class Lease {
  private renewal: Promise<void>;
  private timer: NodeJS.Timeout | undefined;
  private late = false;

  /**
   * @param etag the etag of the claim. When undefined, it is read while the work is done. With it, one request stores
   * the mark. A process that is killed before that request ends forgets that the work is done.
   */
  constructor(
    private readonly options: LeaseOptions,
    private etag?: string,
  ) {
    // A failed read is repeated by the renewal, or by the mark.
    this.renewal = etag === undefined ? this.readEtag().then(ignore, ignore) : Promise.resolve();
    this.scheduleRenewal();
  }

  /** Stores that the event is done, and resolves when it is stored. It retries until the store answers. */
  async mark(): Promise<void> {
    const { logger } = this.options;
    await this.stopRenewing();
    let failure = await this.saveMark(this.etag);
    let warned = false;
    while (failure) {
      if (!warned && this.late) {
        logger.warn(`done, but the store does not take the mark; trying again: ${failure.message}`);
        warned = true;
      }
      await sleep(MARK_RETRY_MS);
      // The mark is saved again even when it is there. Its time to live is written after it, and that write may be the
      // one that failed. Without it the mark would expire as early as the claim.
      failure = await this.read().then(
        (item) => this.saveMark(item?.etag),
        (error: Error) => error,
      );
    }
    if (warned) logger.info('marked as done');
  }

  /** Resolves when `mark` resolves or is late, so that a delivery does not wait longer than Dapr does. */
  async inTime(mark: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.late = true;
        resolve();
      }, MARK_LATE_MS);
    });
    await Promise.race([mark, late]);
    clearTimeout(timer);
  }

  async release(): Promise<void> {
    const { state, key, logger } = this.options;
    await this.stopRenewing();
    try {
      if (this.etag !== undefined) await state.deleteState(key, this.etag);
    } catch (error) {
      logger.warn(`the claim stays until it expires: ${(error as Error).message}`);
    }
  }

  private read = (): Promise<StateItem | undefined> => this.options.state.getState(this.options.key);

  /** Resolves with the claim in the store. The etag stays undefined when another owner has it. */
  private async readEtag(): Promise<Partial<ClaimMark> | undefined> {
    const item = await this.read();
    const found = item?.value as Partial<ClaimMark> | undefined;
    this.etag = found?.owner === this.options.owner ? item?.etag : undefined;
    return found;
  }

  private async saveMark(etag: string | undefined): Promise<Error | undefined> {
    const { state, key } = this.options;
    try {
      await state.saveState(key, { done: true } satisfies DoneMark, { etag, ttlSeconds: DONE_SECONDS });
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /** The next renewal begins an interval after the end of this one, so at most one is in progress. */
  private scheduleRenewal(): void {
    this.timer = setTimeout(() => {
      this.renewal = this.renew();
      void this.renewal.then(() => this.timer && this.scheduleRenewal());
    }, RENEW_INTERVAL_MS);
  }

  /** Extends the lease, unless another owner has taken the claim. */
  private async renew(): Promise<void> {
    const { state, key, owner, logger } = this.options;
    const renewed = claimBy(owner);
    try {
      if (this.etag === undefined) await this.readEtag();
      if (this.etag === undefined) return;
      const failure = await state
        .saveState(key, renewed, { etag: this.etag, ttlSeconds: DONE_SECONDS })
        .catch((error: Error) => error);
      const found = await this.readEtag();
      if (failure && found?.expiresAt !== renewed.expiresAt) throw failure;
    } catch (error) {
      logger.warn(`the claim could not be renewed: ${(error as Error).message}`);
    }
  }

  /** A renewal in progress ends first. It changes the etag that the mark or the release needs. */
  private async stopRenewing(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.renewal;
  }
}

const ignore = () => {};
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
