import { type JsonObject, JsonSyntaxError, parseWholeJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import { type Outbox, OutboxError } from '../pubsub/outbox';
import type { StateStore } from '../stores/state-store';
import { type DeleteOperation, EtagError, type SetOperation, type StoredValue } from '../stores/store';
import {
  ApiError,
  outboxFailed,
  queryFailed,
  queryNotSupported,
  stateStoreNotConfigured,
  stateStoreNotFound,
} from './errors';
import { type ApiRequestInFull as ApiRequest, type ApiRoute, header, json, noContent } from './router';
import { prefixed, readKeys, readSets, readTransaction } from './state-requests';

export interface StateDependencies {
  appId: string;
  stores: ReadonlyMap<string, StateStore>;
  outbox: Outbox;
}

/** Returns the routes of the state API. https://docs.dapr.io/reference/api/state_api/ */
export function stateRoutes({ appId, stores, outbox }: StateDependencies): ApiRoute[] {
  const find = ({ params: { name = '' } }: ApiRequest, info: object | null = { appID: appId }): StateStore => {
    const store = stores.get(name);
    if (store) return store;
    throw stores.size === 0 ? stateStoreNotConfigured(name, info) : stateStoreNotFound(name, info);
  };
  const write = ['POST', 'PUT'];
  return [
    { methods: write, pattern: 'v1.0/state/:name/bulk', handler: (request) => bulkGet(find(request), request) },
    {
      methods: write,
      pattern: 'v1.0/state/:name/transaction',
      handler: (request) => transact(find(request), request, appId, outbox),
    },
    {
      methods: write,
      pattern: 'v1.0-alpha1/state/:name/query',
      handler: (request) => {
        const { name, store, encryption } = find(request, null);
        if (store.queryError === undefined) throw queryNotSupported(name);
        throw queryFailed(name, encryption ? 'cannot query encrypted store' : store.queryError);
      },
    },
    { methods: write, pattern: 'v1.0/state/:name', handler: (request) => save(find(request), request) },
    { methods: ['GET'], pattern: 'v1.0/state/:name/:key', handler: (request) => get(find(request), request) },
    { methods: ['DELETE'], pattern: 'v1.0/state/:name/:key', handler: (request) => remove(find(request), request) },
  ];
}

async function save(store: StateStore, request: ApiRequest) {
  const operations = readSets(store, request).map((operation) => sealed(store, operation));
  const errors = (await Promise.all(operations.map((operation) => attempt(store, operation)))).filter(
    (e) => e !== undefined,
  );
  const [error] = errors;
  if (!error) return noContent;
  if (operations.length === 1)
    throw stateError('ERR_STATE_SAVE', `failed saving state in state store ${store.name}`, error);
  throw stateError('ERR_STATE_SAVE', `failed saving state in state store ${store.name}`, joined(errors));
}

/** Returns several failures as one error, as daprd reports them. */
function joined(errors: Error[]): Error {
  const message = errors.map((error) => error.message).join('\n');
  const etagErrors = errors.filter((error) => error instanceof EtagError);
  if (etagErrors.length < errors.length) return etagErrors[0] ?? new Error(message);
  return new EtagError(etagErrors.some(({ kind }) => kind === 'invalid') ? 'invalid' : 'mismatch', message);
}

async function attempt({ store, policy }: StateStore, operation: SetOperation): Promise<Error | undefined> {
  try {
    await policy(() => store.set(operation));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function get(state: StateStore, { params: { key = '' } }: ApiRequest) {
  const { name, store, policy, keyPrefix } = state;
  const full = prefixed(name, keyPrefix, key);
  const stored = await policy(() => store.get(full))
    .then((value) => opened(state, value))
    .catch((error: Error) => {
      throw new ApiError(500, 'ERR_STATE_GET', `fail to get ${key} from state store ${name}: ${error.message}`);
    });
  if (!stored) return noContent;
  const metadata = Object.entries(stored.metadata).map(([field, value]) => [`metadata.${field}`, value]);
  return json(200, stored.data, { etag: stored.etag, ...Object.fromEntries(metadata) });
}

async function remove(
  { name, store, policy, keyPrefix }: StateStore,
  { params: { key = '' }, query, headers }: ApiRequest,
) {
  const operation: DeleteOperation = {
    operation: 'delete',
    key: prefixed(name, keyPrefix, key),
    etag: header(headers['if-match']),
    concurrency: query.get('concurrency') ?? '',
    consistency: query.get('consistency') ?? '',
  };
  try {
    await policy(() => store.delete(operation));
  } catch (error) {
    throw stateError('ERR_STATE_DELETE', `failed deleting state with key ${key}`, error as Error);
  }
  return noContent;
}

async function bulkGet(state: StateStore, { body }: ApiRequest) {
  const { name, store, policy, keyPrefix } = state;
  const keys = readKeys(body);
  const full = keys.map((key) => prefixed(name, keyPrefix, key));
  const found = await Promise.all(full.map((key) => policy(() => store.get(key)).catch((error: Error) => error)));
  try {
    return json(200, stringifyJson(keys.map((key, i) => bulkItem(key, found[i], state))));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return json(200, ''); // as in daprd, one value of another program that is not JSON empties the answer
  }
}

/** Returns an item of a bulk get. @throws {JsonSyntaxError} for a value that is not JSON */
function bulkItem(key: string, item: StoredValue | Error | undefined, state: StateStore): JsonObject {
  if (item instanceof Error) return { key, error: item.message };
  if (!item) return { key };
  const { etag, metadata } = item;
  let data: Buffer;
  try {
    data = opened(state, item)?.data ?? item.data;
  } catch (error) {
    return { key, ...(etag !== undefined && { etag }), error: (error as Error).message };
  }
  return {
    key,
    ...(data.length > 0 && { data: parseWholeJson(data.toString()) }),
    ...(etag !== undefined && { etag }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}

async function transact(store: StateStore, request: ApiRequest, appId: string, outbox: Outbox) {
  const given = readTransaction(store, request);
  if (given.length === 0) return noContent;
  let operations = given.map((operation) => (operation.operation === 'set' ? sealed(store, operation) : operation));
  if (store.outbox) {
    operations = await outbox.prepare(store.outbox, operations, request.trace).catch((error: Error) => {
      throw error instanceof OutboxError ? outboxFailed(appId, error.message) : error;
    });
  }
  try {
    await store.policy(() => store.store.transact(operations));
  } catch (error) {
    if (store.store.isAtomic) outbox.abandon(operations);
    const message = `error while executing state transaction: ${(error as Error).message}`;
    throw new ApiError(500, 'ERR_STATE_TRANSACTION', message);
  }
  return noContent;
}

/** Returns an operation as the store gets it. */
function sealed({ encryption }: StateStore, operation: SetOperation): SetOperation {
  const { value } = operation;
  return encryption && !Buffer.isBuffer(value) ? { ...operation, value: encryption.encrypt(value) } : operation;
}

/** Returns a value as the caller gets it. @throws {Error} when it cannot be decrypted */
function opened({ encryption }: StateStore, stored: StoredValue | undefined): StoredValue | undefined {
  return encryption && stored ? { ...stored, data: encryption.decrypt(stored.data) } : stored;
}

function stateError(code: string, prefix: string, error: Error): ApiError {
  const status = error instanceof EtagError ? (error.kind === 'mismatch' ? 409 : 400) : 500;
  return new ApiError(status, code, `${prefix}: ${error.message}`);
}
