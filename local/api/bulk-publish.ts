import { goBase64 } from '../json/go-base64';
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import { type GoType, JsonTypeError, readAs } from '../json/structs';
import type { ApiAnswer } from './answer';
import { type ApiError, pubsubError } from './errors';
import { findPubsub, isRawPayload, type PublishDependencies, publishFailed, publishForbidden, wrap } from './publish';
import { type ApiRoute, type Handler, header, json, metadataOf, noContent } from './router';

interface Entry {
  entryId: string;
  data: Buffer;
  contentType: string;
  /** Undefined if the entry has no metadata. daprd then ignores the metadata of the request too. */
  metadata: Map<string, string> | undefined;
}

/** Returns the route `POST /v1.0/publish/bulk/{pubsub}/{topic}`. https://docs.dapr.io/reference/api/pubsub_api/#publish-multiple-messages-to-a-given-topic */
export function bulkPublishRoutes({ appId, pubsubs, tracing }: PublishDependencies): ApiRoute[] {
  const handler: Handler = async ({ params: { name = '', topic = '' }, query, headers, body }) => {
    const pubsub = findPubsub(pubsubs, name);
    const metadata = metadataOf(query);
    const raw = isRawPayload(metadata, name);
    const entries = readEntries(body.toString('utf8'), { name, topic, appId, metadata });
    const [traceparent, tracestate] = [header(headers.traceparent), header(headers.tracestate)];
    const messages = entries.map(({ data, contentType, metadata: entryMetadata }) => {
      if (raw) return { data, metadata: entryMetadata };
      const trace = tracing.bulkEntry(traceparent, tracestate);
      const publication = { pubsubName: name, topic, contentType, data, source: appId, ...trace };
      return { data: wrap(publication, entryMetadata ?? new Map()), metadata: entryMetadata };
    });
    if (!pubsub.scopes.mayPublish(topic)) throw publishForbidden(name, topic, appId);
    const stored = messages.map((message) => pubsub.policy(() => pubsub.broker.publish(topic, message)));
    const failed = (await Promise.allSettled(stored)).flatMap((answer, i) =>
      answer.status === 'rejected'
        ? [{ entryId: entries[i]?.entryId ?? '', error: String(answer.reason.message) }]
        : [],
    );
    const [first] = failed;
    if (first) return failure(failed, publishFailed(name, topic, first.error));
    return noContent;
  };
  return ['v1.0', 'v1.0-alpha1'].map((version) => ({
    methods: ['POST', 'PUT'],
    pattern: `${version}/publish/bulk/:name/*topic`,
    handler,
  }));
}

interface Context {
  name: string;
  topic: string;
  appId: string;
  metadata: ReadonlyMap<string, string>;
}

/** Returns the entries of a request. @throws {ApiError} for one invalid entry, which refuses the whole request */
function readEntries(text: string, context: Context): Entry[] {
  const list = readList(text, context);
  const ids = new Set<string>();
  return list.map((item) => {
    const [entryId, contentType] = [textOf(item.entryId), textOf(item.contentType)];
    const data = toBytes(item.event ?? null, contentType, context);
    if (entryId === '' || ids.has(entryId)) throw badEntryId(context);
    ids.add(entryId);
    const given = isJsonObject(item.metadata) ? Object.entries(item.metadata) : undefined;
    const metadata =
      given && new Map([...context.metadata, ...given.map(([key, value]) => [key, textOf(value)] as const)]);
    return { entryId, data, contentType, metadata };
  });
}

const ENTRIES: GoType = {
  listOf: {
    struct: 'http.bulkPublishMessageEntry',
    fields: { entryId: 'string', event: 'any', contentType: 'string', metadata: 'map[string]string' },
  },
};

function readList(text: string, context: Context): JsonObject[] {
  try {
    const list = readAs(ENTRIES, parseJson(text)) as (JsonObject | null)[] | null;
    return (list ?? []).map((item) => item ?? {});
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof JsonTypeError) throw notReadable(context, error.message);
    throw error;
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

/** Returns the bytes of an event. @throws {ApiError} when the event does not match its content type */
function toBytes(event: JsonValue, contentType: string, context: Context): Buffer {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (type === 'application/octet-stream' && typeof event === 'string') return fromBase64(event, context);
  if ((type.startsWith('text/') || type === 'application/xml') && typeof event === 'string') return Buffer.from(event);
  if (type === 'application/json' || type === 'application/cloudevents+json') return Buffer.from(stringifyJson(event));
  throw notInType(context, 'error: mismatch between contentType and event');
}

function fromBase64(text: string, context: Context): Buffer {
  try {
    return goBase64(text);
  } catch (error) {
    const problem = 'unable to decode base64 application/octect-stream data'; // with daprd's spelling
    throw notInType(context, `error: ${problem}: ${(error as Error).message}`);
  }
}

function notInType({ name, topic, appId: appID }: Context, error: string): ApiError {
  const message = `error when marshalling cloud event envelope for topic ${topic} pubsub ${name}: ${error}`;
  return pubsubError(400, 'ERR_PUBSUB_EVENTS_SER', name, message, 'DAPR_PUBSUB_MARSHAL_ENVELOPE', { appID, error });
}

function notReadable({ name, topic, appId: appID }: Context, error: string): ApiError {
  const message = `error when unmarshaling the request for topic ${topic} pubsub ${name}: ${error}`;
  return pubsubError(400, 'ERR_PUBSUB_EVENTS_SER', name, message, 'DAPR_PUBSUB_UNMARSHAL_EVENTS', { appID });
}

function badEntryId({ name, topic, appId: appID }: Context): ApiError {
  const error = 'entryId is duplicated or not present for entry';
  const message = `error marshaling events to bytes for topic ${topic} pubsub ${name}. error: ${error}`;
  return pubsubError(400, 'ERR_PUBSUB_EVENTS_SER', name, message, 'DAPR_PUBSUB_MARSHAL_EVENTS', { appID, error });
}

/** Returns the answer that lists the entries that were not stored. As in daprd, headers repeat the list. */
function failure(
  failedEntries: { entryId: string; error: string }[],
  { status, errorCode, message }: ApiError,
): ApiAnswer {
  const body = JSON.stringify({ failedEntries, errorCode });
  return json(status, body, {
    'metadata.responsedata': body,
    'metadata.error': `api error: code = Internal desc = ${message}`,
  });
}
