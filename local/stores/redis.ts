import { stringifyLikeJsoniter } from '../json/jsoniter';
import { isErrorReply, type RedisConnection, type RedisReply, replyText } from '../redis/connection';
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

/**
 * Stores a value unless the key has another version than the caller expects. As in daprd, a key is a hash with `data`
 * and `version`. A key that was written with first-write has the field `first-write` and needs the version for a write.
 * Arguments: the expected version (0: any), the value, 1 for first-write, the time to live in seconds (empty:
 * unchanged, 0: forever). Returns the new version, or 0 if the write is refused.
 */
const SET = `
local key, known, value, first_write, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
local version = redis.call('HGET', key, 'version')
local guarded = redis.call('HEXISTS', key, 'first-write') == 1
if version and version ~= '' and version ~= known and (guarded or known ~= '0') then return 0 end
redis.call('HSET', key, 'data', value)
if first_write == '1' then redis.call('HSET', key, 'first-write', '0') end
if ttl == '0' then redis.call('PERSIST', key) elseif ttl ~= '' then redis.call('EXPIRE', key, ttl) end
return redis.call('HINCRBY', key, 'version', 1)`;

/**
 * Deletes a key unless it has another version than the caller expects (0: any). A value of another program has none.
 * Returns -1 if that is refused.
 */
const DELETE = `
local is_hash = redis.call('TYPE', KEYS[1]).ok == 'hash'
local version = is_hash and redis.call('HGET', KEYS[1], 'version')
if version and version ~= '' and version ~= ARGV[1] and ARGV[1] ~= '0' then return -1 end
return redis.call('DEL', KEYS[1])`;

// Redis 7 reports the refusals of daprd's scripts with these messages. Dapr returns them to its callers.
const setRefused = (key: string) =>
  `ERR user_script:14: failed to set key ${key} script: d908b9553add63a82e03589b5c6d01a7654ef0f2, on @user_script:14.`;
const deleteRefused = (key: string) =>
  `ERR user_script:6: failed to delete ${key} script: 2446db0de2c963f100727b388f03ead01d18c265, on @user_script:6.`;

const NO_REDIS_JSON =
  'ERR Unknown Redis command called from script script: c5d8cabb8162d7f0980fe627a55d83f54c800e66, on @user_script:4.';

/** Returns whether daprd stores a value of a transaction with RedisJSON, which this store does not use. */
const needsRedisJson = ({ metadata }: SetOperation): boolean => metadata.get('contentType') === 'application/json';

/** A store on Redis in daprd's format, so that both can share one Redis. Etags count from 1. There is no roll-back. */
export class RedisStore implements Store {
  readonly capabilities = ['ETAG', 'TRANSACTIONAL', 'TTL', 'KEYS_LIKE', 'ACTOR'];
  readonly queryError = 'redis-json server support is required for query capability';

  constructor(
    private readonly connection: RedisConnection,
    /** The default time to live, in seconds; undefined: forever. */
    private readonly ttlInSeconds: number | undefined,
  ) {}

  async get(key: string): Promise<StoredValue | undefined> {
    let fields: Map<string, Buffer>;
    try {
      fields = toMap(await this.connection.send('HGETALL', key));
    } catch (error) {
      if (!isErrorReply(error)) throw error;
      // The key is a plain value from another program.
      const data = await this.connection.send('GET', key);
      return Buffer.isBuffer(data) ? { data, etag: undefined, metadata: {} } : undefined;
    }
    if (fields.size === 0) return undefined;
    const [data, version] = [fields.get('data'), fields.get('version')];
    if (!data || !version) throw new Error("required hash field 'data' or 'version' was not found");
    return { data, etag: version.toString(), metadata: {} };
  }

  async set(operation: SetOperation): Promise<void> {
    checkOptions(operation);
    const { key, etag, concurrency } = operation;
    const args = this.setArguments(operation, concurrency === 'first-write');
    let version: RedisReply;
    try {
      version = await this.connection.send('EVAL', SET, '1', key, ...args);
    } catch (error) {
      throw new Error(`failed to set key ${key}: ${(error as Error).message}`, { cause: error });
    }
    if (version !== 0) return;
    if (etag !== '') throw new EtagError('mismatch', setRefused(key));
    throw new Error(`failed to set key ${key}: ${setRefused(key)}`);
  }

  async delete(operation: DeleteOperation): Promise<void> {
    checkOptions(operation);
    const { key, etag } = operation;
    let answer: RedisReply;
    try {
      answer = await this.connection.send('EVAL', DELETE, '1', key, etag || '0');
    } catch (error) {
      // daprd reports every failure of a delete as a mismatch.
      throw new EtagError('mismatch', (error as Error).message);
    }
    if (answer === -1) throw new EtagError('mismatch', deleteRefused(key));
  }

  /** Runs every operation, even if another operation fails. As in daprd, it ignores first-write. */
  async transact(given: readonly Operation[]): Promise<void> {
    const operations = given.filter((operation) => operation.operation === 'delete' || !needsRedisJson(operation));
    const commands = operations.map((operation) =>
      operation.operation === 'set'
        ? ['EVAL', SET, '1', operation.key, ...this.setArguments(operation, false)]
        : ['EVAL', DELETE, '1', operation.key, operation.etag || '0'],
    );
    const answers = await this.connection.transact(commands);
    // As in daprd, the other operations have been done.
    if (operations.length < given.length) throw new Error(NO_REDIS_JSON);
    for (const [i, operation] of operations.entries()) {
      const { key } = operation;
      if (isErrorReply(answers[i])) throw answers[i];
      if (answers[i] === 0 && operation.operation === 'set') throw new Error(setRefused(key));
      if (answers[i] === -1) throw new Error(deleteRefused(key));
    }
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private setArguments(operation: SetOperation, firstWrite: boolean): string[] {
    const version = readVersion(operation);
    const ttl = readTtl(operation) ?? this.ttlInSeconds;
    const seconds = ttl === undefined ? '' : String(Math.max(ttl, 0));
    const { value } = operation;
    const data = Buffer.isBuffer(value) ? value.toString() : stringifyLikeJsoniter(value);
    return [version, data, firstWrite ? '1' : '0', seconds];
  }
}

function readVersion({ etag, concurrency }: SetOperation): string {
  if (concurrency === 'last-write' || etag === '') return '0';
  try {
    return String(goInteger(etag, 'Atoi'));
  } catch (error) {
    throw new EtagError('invalid', (error as Error).message);
  }
}

function readTtl({ metadata }: SetOperation): number | undefined {
  const ttl = metadata.get('ttlInSeconds') ?? '';
  if (ttl === '') return undefined;
  try {
    return goInteger(ttl, 'ParseInt');
  } catch (error) {
    throw new Error(`failed to parse ttl from metadata: ${(error as Error).message}`);
  }
}

function toMap(reply: RedisReply): Map<string, Buffer> {
  const map = new Map<string, Buffer>();
  if (!Array.isArray(reply)) return map;
  for (let i = 0; i + 1 < reply.length; i += 2) {
    const value = reply[i + 1];
    if (Buffer.isBuffer(value)) map.set(replyText(reply[i]), value);
  }
  return map;
}
