import { isJsonObject, JsonNumber, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import { type GoType, JsonTypeError, readAs } from '../json/structs';
import type { Policy } from '../resiliency/policy';
import { type DeleteOperation, EtagError, type Operation, type SetOperation, type Store } from '../stores/store';
import { ApiError, illegalKey, queryNotSupported, stateStoreNotConfigured, stateStoreNotFound } from './errors';
import { type ApiRequestInFull as ApiRequest, type ApiRoute, header, json, metadataOf, noContent } from './router';

/** A state component of the sidecar. */
export interface StateStore {
  name: string;
  store: Store;
  /** The outbound policy. */
  policy: Policy;
  /** The prefix of every key in the store, including `||`. */
  keyPrefix: string;
}

export interface StateDependencies {
  appId: string;
  stores: ReadonlyMap<string, StateStore>;
}

const SET_REQUEST: GoType = {
  struct: 'state.SetRequest',
  fields: {
    key: 'string',
    value: 'any',
    etag: 'string',
    metadata: 'map[string]string',
    options: { struct: 'state.SetStateOption', fields: { concurrency: 'string', consistency: 'string' } },
  },
};
const BULK_GET_REQUEST: GoType = {
  struct: 'http.BulkGetRequest',
  fields: { keys: { listOf: 'string' }, metadata: 'map[string]string', parallelism: 'int' },
};
const TRANSACTION: GoType = {
  struct: 'http.stateTransactionRequestBody',
  fields: {
    operations: {
      listOf: { struct: 'http.stateTransactionRequestBodyOperation', fields: { operation: 'string', request: 'any' } },
    },
    metadata: 'map[string]string',
  },
};
const NOT_READABLE = 'failed deserializing HTTP body: ';

/** Returns the routes of the state API. https://docs.dapr.io/reference/api/state_api/ */
export function stateRoutes({ appId, stores }: StateDependencies): ApiRoute[] {
  const find = ({ params: { name = '' } }: ApiRequest): StateStore => {
    const store = stores.get(name);
    if (store) return store;
    throw stores.size === 0 ? stateStoreNotConfigured(name, appId) : stateStoreNotFound(name, appId);
  };
  const write = ['POST', 'PUT'];
  return [
    { methods: write, pattern: 'v1.0/state/:name/bulk', handler: (request) => bulkGet(find(request), request) },
    { methods: write, pattern: 'v1.0/state/:name/transaction', handler: (request) => transact(find(request), request) },
    {
      methods: write,
      pattern: 'v1.0-alpha1/state/:name/query',
      handler: (request) => {
        throw queryNotSupported(find(request).name);
      },
    },
    { methods: write, pattern: 'v1.0/state/:name', handler: (request) => save(find(request), request) },
    { methods: ['GET'], pattern: 'v1.0/state/:name/:key', handler: (request) => get(find(request), request) },
    { methods: ['DELETE'], pattern: 'v1.0/state/:name/:key', handler: (request) => remove(find(request), request) },
  ];
}

async function save(store: StateStore, request: ApiRequest) {
  const items = read({ listOf: SET_REQUEST }, request.body, '') as JsonObject[] | null;
  const operations = (items ?? []).map((item): SetOperation => {
    if (textOf(item?.key) === '') throw malformed('"key" is a required field');
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
  const request = read(BULK_GET_REQUEST, body, NOT_READABLE) as JsonObject | null;
  const keys = Array.isArray(request?.keys) ? request.keys.map(textOf) : [];
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
  const request = read(TRANSACTION, body, NOT_READABLE) as JsonObject | null;
  const items = (request?.operations ?? []) as (JsonObject | null)[];
  const operations = items.map((item) => toOperation(store, item ?? {}, metadataOf(query)));
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
  const request = asSetRequest(item.request ?? {});
  if (kind === 'upsert') return toSet(store, request, metadata, '');
  if (kind !== 'delete') {
    throw new ApiError(400, 'ERR_NOT_SUPPORTED_STATE_OPERATION', `operation type ${kind} not supported`);
  }
  const { key, etag, concurrency, consistency } = toSet(store, request, metadata, '');
  return { operation: 'delete', key, etag, concurrency, consistency };
}

/** Returns the request of a transaction's operation as daprd decodes it. @throws {ApiError} with daprd's message */
function asSetRequest(request: JsonValue): JsonObject {
  if (!isJsonObject(request)) throw malformed(`${NOT_READABLE} expected a map, got '${goType(request)}'`);
  const known = new Map(Object.entries(request).map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, field] of [
    ['key', 'Key'],
    ['etag', 'ETag'],
  ] as const) {
    const value = known.get(name) ?? '';
    if (typeof value === 'string') continue;
    const found = `got unconvertible type '${goType(value)}', value: '${stringifyJson(value)}'`;
    throw malformed(`${NOT_READABLE}1 error(s) decoding:\n\n* '${field}' expected type 'string', ${found}`);
  }
  return Object.fromEntries(known);
}

const goType = (value: JsonValue): string => {
  if (value instanceof JsonNumber) return 'float64';
  if (Array.isArray(value)) return '[]interface {}';
  return isJsonObject(value) ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : 'string';
};

function toSet(
  { name, keyPrefix }: StateStore,
  item: JsonObject,
  metadata: ReadonlyMap<string, string>,
  field?: string,
): SetOperation {
  const given = isJsonObject(item.metadata) ? Object.entries(item.metadata) : [];
  return {
    operation: 'set',
    key: prefixed(name, keyPrefix, textOf(item.key), field),
    value: item.value ?? null,
    etag: textOf(item.etag),
    ...readOptions(item.options),
    // The metadata of the query applies to every item and wins.
    metadata: new Map([...given.map(([key, value]) => [key, textOf(value)] as const), ...metadata]),
  };
}

function readOptions(options: JsonValue | undefined): { concurrency: string; consistency: string } {
  const object = isJsonObject(options) ? options : {};
  return { concurrency: textOf(object.concurrency), consistency: textOf(object.consistency) };
}

/** Returns the JSON of a body, decoded as `type`. @throws {ApiError} for invalid JSON or a value of another type */
function read(type: GoType, body: Buffer, prefix: string): JsonValue {
  try {
    return readAs(type, parseJson(body.toString('utf8')));
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof JsonTypeError) throw malformed(prefix + error.message);
    throw error;
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

const malformed = (message: string) => new ApiError(400, 'ERR_MALFORMED_REQUEST', message);

/** Returns the key with its prefix. @throws {ApiError} for a key that contains the separator `||` */
function prefixed(store: string, prefix: string, key: string, field = key): string {
  if (key.includes('||')) throw illegalKey(store, key, field);
  return prefix + key;
}

function stateError(code: string, prefix: string, error: Error): ApiError {
  const status = error instanceof EtagError ? (error.kind === 'mismatch' ? 409 : 400) : 500;
  return new ApiError(status, code, `${prefix}: ${error.message}`);
}
