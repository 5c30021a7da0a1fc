import { randomUUID } from 'node:crypto';
import { stringifyJson } from '../json/stringify';
import { rfc3339 } from '../pubsub/envelope';
import {
  checkOptions,
  type DeleteOperation,
  EtagError,
  goInteger,
  type Operation,
  type SetOperation,
  type Store,
  type StoredValue,
} from './store';

interface Item {
  data: Buffer;
  etag: string;
  /** In milliseconds since the epoch; undefined if the item does not expire. */
  expiresAt: number | undefined;
}

const SWEEP_EVERY_MS = 60_000;

/**
 * A store in the memory of this process. All values are lost when the process exits. Etags are random. A transaction
 * changes all of its keys or none.
 */
export class InMemoryStore implements Store {
  readonly capabilities = ['ETAG', 'TRANSACTIONAL', 'TTL', 'DELETE_WITH_PREFIX', 'KEYS_LIKE', 'ACTOR'];
  readonly isAtomic = true;
  private readonly items = new Map<string, Item>();
  private sweepAt = Date.now() + SWEEP_EVERY_MS;

  async get(key: string): Promise<StoredValue | undefined> {
    const item = this.current(key);
    if (!item) return undefined;
    const { data, etag, expiresAt } = item;
    const metadata: Record<string, string> = {};
    if (expiresAt !== undefined) metadata.ttlExpireTime = rfc3339(new Date(expiresAt));
    return { data, etag, metadata };
  }

  async set(operation: SetOperation): Promise<void> {
    const ttlSeconds = readSet(operation);
    this.check(operation);
    this.apply(operation, ttlSeconds);
  }

  async delete(operation: DeleteOperation): Promise<void> {
    checkOptions(operation);
    this.check(operation);
    this.items.delete(operation.key);
  }

  async transact(operations: readonly Operation[]): Promise<void> {
    // As in daprd, the options of a delete are not checked.
    const ttls = operations.map((operation) => (operation.operation === 'set' ? readSet(operation) : 0));
    for (const operation of operations) this.check(operation);
    operations.forEach((operation, i) => {
      if (operation.operation === 'set') this.apply(operation, ttls[i] ?? 0);
      else this.items.delete(operation.key);
    });
  }

  /** Does nothing, because other sidecars may share the store. */
  async close(): Promise<void> {}

  private current(key: string): Item | undefined {
    const item = this.items.get(key);
    if (item?.expiresAt === undefined || item.expiresAt > Date.now()) return item;
    this.items.delete(key);
    return undefined;
  }

  private check(operation: Operation): void {
    const { key, etag, concurrency } = operation;
    const item = this.current(key);
    if (etag === '') {
      if (concurrency !== 'first-write' || !item) return;
      throw new EtagError('mismatch', 'item already exists and no etag was passed');
    }
    if (!item) throw new EtagError('mismatch', `state not exist or expired for key=${key}`);
    if (item.etag === etag) return;
    throw new EtagError('mismatch', `state etag not match for key=${key}: current=${item.etag}, expect=${etag}`);
  }

  private apply({ key, value }: SetOperation, ttlSeconds: number): void {
    const expiresAt = ttlSeconds > 0 ? Date.now() + ttlSeconds * 1_000 : undefined;
    this.sweep();
    this.items.set(key, {
      data: Buffer.isBuffer(value) ? value : Buffer.from(stringifyJson(value)),
      etag: randomUUID(),
      expiresAt,
    });
  }

  /** Removes expired items once a minute, so that items without readers do not stay in memory forever. */
  private sweep(): void {
    if (Date.now() < this.sweepAt) return;
    this.sweepAt = Date.now() + SWEEP_EVERY_MS;
    for (const key of this.items.keys()) this.current(key);
  }
}

/** Checks the options and returns the time to live in seconds; up to 0: forever. */
function readSet(operation: SetOperation): number {
  checkOptions(operation);
  const text = operation.metadata.get('ttlInSeconds') ?? '';
  return text === '' ? 0 : goInteger(text, 'Atoi');
}
