import type { JsonValue } from '../json/parse';
import { PermanentError } from '../resiliency/retry';

/** A value in a store. */
export interface StoredValue {
  /** The JSON of the answer. */
  data: Buffer;
  /** Undefined for a value from another program. */
  etag: string | undefined;
  /** More about the value, such as `ttlExpireTime`. */
  metadata: Record<string, string>;
}

/** An operation that stores a value. The key includes its prefix. */
export interface SetOperation {
  operation: 'set';
  key: string;
  /** A Buffer is stored as it is, without JSON around it. */
  value: JsonValue | Buffer;
  /** The etag that the stored value must have. Empty: any. */
  etag: string;
  /** `first-write`, `last-write` or empty. */
  concurrency: string;
  /** `strong`, `eventual` or empty. It has no effect, because there is only one copy of a value. */
  consistency: string;
  metadata: ReadonlyMap<string, string>;
  /** The content type that the caller gives; empty if none. Only the outbox uses it. */
  contentType: string;
}

export interface DeleteOperation {
  operation: 'delete';
  key: string;
  etag: string;
  concurrency: string;
  consistency: string;
}

export type Operation = SetOperation | DeleteOperation;

/** The stored value has another etag than the caller expects (`mismatch`), or the etag is malformed (`invalid`). */
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

/** Checks the options of an operation. @throws {Error} for a value that Dapr does not support */
export function checkOptions({ concurrency, consistency }: Operation): void {
  if (!['', 'strong', 'eventual'].includes(consistency))
    throw new Error(`unrecognized consistency model '${consistency}'`);
  if (!['', 'first-write', 'last-write'].includes(concurrency)) {
    throw new Error(`unrecognized concurrency model '${concurrency}'`);
  }
}

/** Returns a whole number as Go's `parser` reads it. @throws {Error} with Go's message for any other text */
export function goInteger(text: string, parser: 'Atoi' | 'ParseInt'): number {
  const fail = (reason: string) => new Error(`strconv.${parser}: parsing ${JSON.stringify(text)}: ${reason}`);
  if (!/^[+-]?\d+$/.test(text)) throw fail('invalid syntax');
  const value = BigInt(text.replace('+', ''));
  if (BigInt.asIntN(64, value) !== value) throw fail('value out of range');
  return Number(value);
}

/** The store of one state component. */
export interface Store {
  /** The capabilities that Dapr's metadata API lists for this type of component. */
  readonly capabilities: readonly string[];
  /** The reason why this store refuses queries; undefined if daprd says that this type of store has none. */
  readonly queryError?: string;
  /** Resolves with the value of a key; undefined if there is none. */
  get(key: string): Promise<StoredValue | undefined>;
  /** @throws {EtagError} when the stored value has another etag */
  set(operation: SetOperation): Promise<void>;
  /** @throws {EtagError} when the stored value has another etag */
  delete(operation: DeleteOperation): Promise<void>;
  transact(operations: readonly Operation[]): Promise<void>;
  /** Whether a transaction that fails changes nothing, now or later. */
  readonly isAtomic?: true;
  close(): Promise<void>;
}
