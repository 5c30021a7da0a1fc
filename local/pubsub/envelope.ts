import { randomUUID } from 'node:crypto';
import { goKind, isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../json/parse';
import { isProtobufEvent } from './protobuf-event';

/** The data of a publish, and its target. */
export interface Publication {
  pubsubName: string;
  topic: string;
  contentType: string;
  data: Buffer;
  /** The publisher's app id. */
  source: string;
  traceparent: string;
  tracestate: string;
}

/** The content type says CloudEvent, but the body is not a JSON object. */
export class EnvelopeError extends Error {}

/** Returns the media type without parameters. As in Dapr, a space before the semicolon is part of the type. */
export const mediaType = (contentType: string): string => (contentType.split(';')[0] ?? '').toLowerCase();

/** Returns a time in RFC 3339 format with seconds, as in Dapr's events. */
export const rfc3339 = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/**
 * Returns the CloudEvent 1.0 for a publish, as Dapr creates it. A CloudEvent is completed. Other data is wrapped, and
 * `cloudevent.*` metadata then sets attributes. `ttlInSeconds` sets the expiration.
 * https://docs.dapr.io/developing-applications/building-blocks/pubsub/pubsub-cloudevents/
 *
 * @throws {EnvelopeError} when the content type says CloudEvent and the body is not a JSON object
 */
export function createEnvelope(publication: Publication, metadata: ReadonlyMap<string, string>): JsonObject {
  const envelope =
    mediaType(publication.contentType) === 'application/cloudevents+json'
      ? complete(publication)
      : wrap(publication, metadata);
  const ttlInSeconds = lookup(metadata, 'ttlInSeconds') ?? '';
  // Dapr accepts whole seconds only. With 0, the event has expired when it is delivered.
  if (/^\d{1,11}$/.test(ttlInSeconds))
    envelope.expiration = rfc3339(new Date(Date.now() + Number(ttlInSeconds) * 1_000));
  return envelope;
}

function complete({ data, topic, pubsubName, traceparent, tracestate }: Publication): JsonObject {
  const event = parseObject(data.toString('utf8'));
  if (event.time === undefined) event.time = rfc3339(new Date());
  if (event.traceid === undefined) {
    event.traceid = traceparent;
    event.traceparent = traceparent;
  }
  if (event.tracestate === undefined) event.tracestate = tracestate;
  event.source ??= 'Dapr';
  event.type ??= 'com.dapr.event.sent';
  event.specversion ??= '1.0';
  event.topic = topic;
  event.pubsubname = pubsubName;
  return event;
}

function wrap(publication: Publication, metadata: ReadonlyMap<string, string>): JsonObject {
  const attribute = (name: string) => lookup(metadata, `cloudevent.${name}`) || undefined;
  const contentType = publication.contentType || 'text/plain';
  const trace = attribute('traceparent') ?? attribute('traceid') ?? publication.traceparent;
  const subject = attribute('subject');
  return {
    id: attribute('id') ?? randomUUID(),
    specversion: '1.0',
    datacontenttype: contentType,
    source: attribute('source') ?? publication.source,
    type: attribute('type') ?? 'com.dapr.event.sent',
    topic: publication.topic,
    pubsubname: publication.pubsubName,
    traceid: trace,
    traceparent: trace,
    tracestate: attribute('tracestate') ?? publication.tracestate,
    time: rfc3339(new Date()),
    ...(subject !== undefined && { subject }),
    ...wrapData(contentType, publication.data),
  };
}

/** Returns the member of a CloudEvent that has the data. */
export function wrapData(contentType: string, data: Buffer): JsonObject {
  const type = mediaType(contentType);
  const isBinary = ['application/octet-stream', 'application/cloudevents+protobuf'].includes(type);
  if (isBinary || (type === 'application/x-protobuf' && isProtobufEvent(data))) {
    return { data_base64: data.toString('base64') };
  }
  const text = data.toString('utf8');
  if (type !== 'application/json') return { data: text };
  try {
    return { data: parseJson(text) };
  } catch {
    return { data: text };
  }
}

/** Returns the event for a subscription with `rawPayload`. Dapr wraps the message when it arrives. */
export const wrapRaw = (data: Buffer, topic: string, pubsubName: string): JsonObject => ({
  id: randomUUID(),
  specversion: '1.0',
  datacontenttype: 'application/octet-stream',
  source: 'Dapr',
  type: 'com.dapr.event.sent',
  topic,
  pubsubname: pubsubName,
  data_base64: data.toString('base64'),
});

/** Returns whether the `expiration` of an event is in the past. An invalid `expiration` is ignored. */
export function hasExpired({ expiration }: JsonObject): boolean {
  if (typeof expiration !== 'string' || !/^\d{4}-\d{2}-\d{2}T/.test(expiration)) return false;
  return Date.parse(expiration) < Date.now();
}

/** Returns a metadata value by its name. It ignores the case of letters if there is no exact match. */
export function lookup(metadata: ReadonlyMap<string, string>, name: string): string | undefined {
  const exact = metadata.get(name);
  if (exact !== undefined || metadata.size === 0) return exact;
  const wanted = name.toLowerCase();
  for (const [key, value] of metadata) if (key.toLowerCase() === wanted) return value;
  return undefined;
}

function parseObject(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new EnvelopeError(error.message, { cause: error });
    throw error;
  }
  if (value === null) return Object.create(null);
  if (!isJsonObject(value))
    throw new EnvelopeError(`json: cannot unmarshal ${goKind(value)} into Go value of type map[string]interface {}`);
  return value;
}
