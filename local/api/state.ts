import { goKind, isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import type { Policy } from '../resiliency/policy';
import { type DeleteOperation, EtagError, type Operation, type SetOperation, type Store } from '../stores/store';
import { ApiError, illegalKey, stateStoreNotConfigured, stateStoreNotFound } from './errors';
import { type ApiRequest, header, json, metadataOf, noContent, type Route } from './router';

/** A state store component as the API sees it. */
export interface StateStore {
  name: string;
  store: Store;
  /** The outbound policy. */
  policy: Policy;
  /** What stands before every key in the store, `||` included. */
  keyPrefix: string;
}

export interface StateDependencies {
  appId: string;
  stores: ReadonlyMap<string, StateStore>;
}

/** The state API. https://docs.dapr.io/reference/api/state_api/ */
export function stateRoutes({ appId, stores }: StateDependencies): Route[] {
  const find = ({ params: { name = '' } }: ApiRequest): StateStore => {
    const store = stores.get(name);
    if (store) return store;
    throw stores.size === 0 ? stateStoreNotConfigured(name, appId) : stateStoreNotFound(name, appId);
  };
  const write = ['POST', 'PUT'];
  return [
    { methods: write, pattern: 'v1.0/state/:name/bulk', handler: (request) => bulkGet(find(request), request) },
    { methods: write, pattern: 'v1.0/state/:name/transaction', handler: (request) => transact(find(request), request) },
    { methods: write, pattern: 'v1.0/state/:name', handler: (request) => save(find(request), request) },
    { methods: ['GET'], pattern: 'v1.0/state/:name/:key', handler: (request) => get(find(request), request) },
    { methods: ['DELETE'], pattern: 'v1.0/state/:name/:key', handler: (request) => remove(find(request), request) },
  ];
}

async function save(store: StateStore, request: ApiRequest) {
  const operations = readSaves(request.body.toString('utf8')).map((item): SetOperation => {
    if (textOf(item.key) === '') throw malformed('"key" is a required field');
    return toSet(store, item, metadataOf(request.query));
  });
  const errors = (await Promise.all(operations.map((operation) => attempt(store, operation)))).filter(
    (e) => e !== undefined,
  );
  const [error] = errors;
  if (!error) return noContent;
  if (operations.length === 1)
    throw stateError('ERR_STATE_SAVE', `failed saving state in state store ${store.name}`, error);
  throw stateError('ERR_STATE_SAVE', `failed saving state in state store ${store.name}`, joined(errors));
}

/** Several failures as one, as daprd tells of them: as failures about etags when any of them is. */
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

async function get({ name, store, policy, keyPrefix }: StateStore, { params: { key = '' } }: ApiRequest) {
  const stored = await policy(() => store.get(prefixed(name, keyPrefix, key))).catch((error: Error) => {
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

async function bulkGet({ name, store, policy, keyPrefix }: StateStore, { body }: ApiRequest) {
  const request = readObject(body.toString('utf8'), 'http.BulkGetRequest');
  const keys = Array.isArray(request.keys) ? request.keys.map(textOf) : [];
  const full = keys.map((key) => prefixed(name, keyPrefix, key));
  const found = await Promise.all(full.map((key) => policy(() => store.get(key)).catch((error: Error) => error)));
  const items = keys.map((key, i) => {
    const item = found[i];
    if (item instanceof Error) return { key, error: item.message };
    if (!item) return { key };
    const { data, etag, metadata } = item;
    const known = Object.keys(metadata).length > 0 ? { metadata } : {};
    return { key, data: parseJson(data.toString()), ...(etag !== undefined && { etag }), ...known };
  });
  return json(200, stringifyJson(items));
}

async function transact(store: StateStore, { body, query }: ApiRequest) {
  const request = readObject(body.toString('utf8'), 'http.stateTransactionRequestBody');
  const items = Array.isArray(request.operations) ? request.operations.filter(isJsonObject) : [];
  const operations = items.map((item) => toOperation(store, item, metadataOf(query)));
  if (operations.length === 0) return noContent;
  try {
    await store.policy(() => store.store.transact(operations));
  } catch (error) {
    const message = `error while executing state transaction: ${(error as Error).message}`;
    throw new ApiError(500, 'ERR_STATE_TRANSACTION', message);
  }
  return noContent;
}

function toOperation(store: StateStore, item: JsonObject, metadata: ReadonlyMap<string, string>): Operation {
  const kind = textOf(item.operation);
  const request = isJsonObject(item.request) ? item.request : {};
  if (kind === 'upsert') return toSet(store, request, metadata);
  if (kind !== 'delete') {
    throw new ApiError(400, 'ERR_NOT_SUPPORTED_STATE_OPERATION', `operation type ${kind} not supported`);
  }
  const { key, etag, concurrency, consistency } = toSet(store, request, metadata);
  return { operation: 'delete', key, etag, concurrency, consistency };
}

function toSet({ name, keyPrefix }: StateStore, item: JsonObject, metadata: ReadonlyMap<string, string>): SetOperation {
  const own = isJsonObject(item.metadata) ? Object.entries(item.metadata) : [];
  return {
    operation: 'set',
    key: prefixed(name, keyPrefix, textOf(item.key)),
    value: item.value ?? null,
    etag: textOf(item.etag),
    ...readOptions(item.options),
    // What the query says counts for every item.
    metadata: new Map([...own.map(([key, value]) => [key, textOf(value)] as const), ...metadata]),
  };
}

function readOptions(options: JsonValue | undefined): { concurrency: string; consistency: string } {
  const object = isJsonObject(options) ? options : {};
  return { concurrency: textOf(object.concurrency), consistency: textOf(object.consistency) };
}

function readSaves(text: string): JsonObject[] {
  const list = parse(text, malformed);
  if (list === null) return [];
  if (!Array.isArray(list))
    throw malformed(`json: cannot unmarshal ${goKind(list)} into Go value of type []state.SetRequest`);
  return list.map((item) => {
    if (isJsonObject(item)) return item;
    throw malformed(`json: cannot unmarshal ${goKind(item)} into Go value of type state.SetRequest`);
  });
}

function readObject(text: string, type: string): JsonObject {
  const wrong = (reason: string) => malformed(`failed deserializing HTTP body: ${reason}`);
  const value = parse(text, wrong);
  if (value === null) return {};
  if (!isJsonObject(value)) throw wrong(`json: cannot unmarshal ${goKind(value)} into Go value of type ${type}`);
  return value;
}

function parse(text: string, wrong: (reason: string) => ApiError): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw error instanceof JsonSyntaxError ? wrong(error.message) : error;
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

const malformed = (message: string) => new ApiError(400, 'ERR_MALFORMED_REQUEST', message);

/** The key in the store. @throws {ApiError} for a key that holds the separator */
function prefixed(store: string, prefix: string, key: string): string {
  if (key.includes('||')) throw illegalKey(store, key);
  return prefix + key;
}

function stateError(code: string, prefix: string, error: Error): ApiError {
  const status = error instanceof EtagError ? (error.kind === 'mismatch' ? 409 : 400) : 500;
  return new ApiError(status, code, `${prefix}: ${error.message}`);
}
