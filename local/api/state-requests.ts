import { mapStructure } from '../json/mapstructure';
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../json/parse';
import { type GoType, JsonTypeError, readAs } from '../json/structs';
import type { Operation, SetOperation } from '../stores/store';
import { ApiError, illegalKey } from './errors';
import { type ApiRequestInFull as ApiRequest, metadataOf } from './router';

/** A store as far as its keys are concerned. */
interface KeySpace {
  name: string;
  /** The prefix of every key in the store, including `||`. */
  keyPrefix: string;
}

const OPTIONS: GoType = {
  struct: 'state.SetStateOption',
  fields: { Concurrency: 'string', Consistency: 'string' },
};
const SET_REQUEST: GoType = {
  struct: 'state.SetRequest',
  fields: {
    key: 'string',
    value: 'any',
    etag: 'string',
    metadata: 'map[string]string',
    options: OPTIONS,
    contentType: 'string',
  },
};
/** The fields of an operation's request, which daprd decodes without their JSON names. */
const OPERATION_REQUEST = {
  struct: 'state.SetRequest',
  fields: {
    Key: 'string',
    Value: 'any',
    ETag: 'string',
    Metadata: 'map[string]string',
    Options: OPTIONS,
    ContentType: 'string',
  },
} as const;
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

/** Returns the values to save. @throws {ApiError} for a body that cannot be read, or an item without a key */
export function readSets(store: KeySpace, { body, query }: ApiRequest): SetOperation[] {
  const items = read({ listOf: SET_REQUEST }, body, '') as JsonObject[] | null;
  return (items ?? []).map((item) => {
    if (textOf(item?.key) === '') throw malformed('"key" is a required field');
    return toSet(store, item, metadataOf(query));
  });
}

/** Returns the keys of a bulk get. @throws {ApiError} for a body that cannot be read */
export function readKeys(body: Buffer): string[] {
  const request = read(BULK_GET_REQUEST, body, NOT_READABLE) as JsonObject | null;
  return Array.isArray(request?.keys) ? request.keys.map(textOf) : [];
}

/** Returns the operations of a transaction. @throws {ApiError} for a body or an operation that cannot be read */
export function readTransaction(store: KeySpace, { body, query }: ApiRequest): Operation[] {
  const request = read(TRANSACTION, body, NOT_READABLE) as JsonObject | null;
  const items = (request?.operations ?? []) as (JsonObject | null)[];
  return items.map((item) => toOperation(store, item ?? {}, metadataOf(query)));
}

function toOperation(store: KeySpace, item: JsonObject, metadata: ReadonlyMap<string, string>): Operation {
  const kind = textOf(item.operation);
  if (kind !== 'upsert' && kind !== 'delete') {
    throw new ApiError(400, 'ERR_NOT_SUPPORTED_STATE_OPERATION', `operation type ${kind} not supported`);
  }
  const request = asSetRequest(item.request ?? null);
  if (kind === 'upsert') return toSet(store, request, metadata, '');
  const { key, etag, concurrency, consistency } = toSet(store, request, metadata, '');
  return { operation: 'delete', key, etag, concurrency, consistency };
}

/** Returns the request of a transaction's operation as daprd decodes it. @throws {ApiError} with daprd's message */
function asSetRequest(request: JsonValue): JsonObject {
  const {
    Key: key,
    Value: value,
    ETag: etag,
    Metadata: metadata,
    Options: options,
    ContentType: contentType,
  } = decode(() => mapStructure(OPERATION_REQUEST, request), NOT_READABLE);
  return {
    key: key ?? null,
    value: value ?? null,
    etag: etag ?? null,
    metadata: metadata ?? null,
    options: options ?? null,
    contentType: contentType ?? null,
  };
}

function toSet(
  { name, keyPrefix }: KeySpace,
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
    contentType: textOf(item.contentType),
  };
}

function readOptions(options: JsonValue | undefined): { concurrency: string; consistency: string } {
  const object = isJsonObject(options) ? options : {};
  return { concurrency: textOf(object.Concurrency), consistency: textOf(object.Consistency) };
}

/** Returns the JSON of a body, decoded as `type`. @throws {ApiError} for invalid JSON or a value of another type */
const read = (type: GoType, body: Buffer, prefix: string): JsonValue =>
  decode(() => readAs(type, parseJson(body.toString('utf8'))), prefix);

function decode<T>(attempt: () => T, prefix: string): T {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof JsonTypeError) throw malformed(prefix + error.message);
    throw error;
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

const malformed = (message: string) => new ApiError(400, 'ERR_MALFORMED_REQUEST', message);

/** Returns the key with its prefix. @throws {ApiError} for a key that contains the separator `||` */
export function prefixed(store: string, prefix: string, key: string, field = key): string {
  if (key.includes('||')) throw illegalKey(store, key, field);
  return prefix + key;
}
