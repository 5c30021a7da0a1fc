import type { JsonValue } from '../json/parse';
import { PermanentError } from '../resiliency/retry';

/** A value as a store keeps it. */
export interface StoredValue {
  /** JSON, as it will be answered. */
  data: Buffer;
  /** Undefined for a value that another program has put there. */
  etag: string | undefined;
  /** What the store tells about the value besides, such as `ttlExpireTime`. */
  metadata: Record<string, string>;
}

/** One change of a state store. Keys already have their prefix. */
export interface SetOperation {
  operation: 'set';
  key: string;
  value: JsonValue;
  /** The etag the stored value must have; empty: any. */
  etag: string;
  /** `first-write`, `last-write` or empty. */
  concurrency: string;
  /** `strong`, `eventual` or empty. There is one copy, so it makes no difference. */
  consistency: string;
  metadata: ReadonlyMap<string, string>;
}

export interface DeleteOperation {
  operation: 'delete';
  key: string;
  etag: string;
  concurrency: string;
  consistency: string;
}

export type Operation = SetOperation | DeleteOperation;

/** The stored value is not the one that the caller knew, or the etag cannot be one of this store. */
export class EtagError extends PermanentError {
  constructor(
    readonly kind: 'mismatch' | 'invalid',
    reason: string,
  ) {
    super(
      `${kind === 'mismatch' ? 'possible etag mismatch. error from state store' : 'invalid etag value'}: ${reason}`,
    );
  }
}

/** @throws {Error} for a word that Dapr does not know */
export function checkOptions({ concurrency, consistency }: Operation): void {
  if (!['', 'first-write', 'last-write'].includes(concurrency)) {
    throw new Error(`unrecognized concurrency model '${concurrency}'`);
  }
  if (!['', 'strong', 'eventual'].includes(consistency))
    throw new Error(`unrecognized consistency model '${consistency}'`);
}

/** A state store as a sidecar uses it. A third kind is one more file beside this one. */
export interface Store {
  /** What Dapr's metadata API lists for a component of this type. */
  readonly capabilities: readonly string[];
  get(key: string): Promise<StoredValue | undefined>;
  /** @throws {EtagError} when the stored value is another one than the caller expects */
  set(operation: SetOperation): Promise<void>;
  /** @throws {EtagError} when the stored value is another one than the caller expects */
  delete(operation: DeleteOperation): Promise<void>;
  transact(operations: readonly Operation[]): Promise<void>;
  close(): Promise<void>;
}
