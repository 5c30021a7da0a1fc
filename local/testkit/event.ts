import { parseJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import { createEnvelope } from '../pubsub/envelope';
import { MisuseError, show } from './misuse';

/** An event on a topic. */
export interface TopicEvent {
  pubsubName: string;
  topic: string;
  /** The `id`, `type` and `source` of the CloudEvent. Undefined if the message is no CloudEvent. */
  id: string | undefined;
  type: string | undefined;
  source: string | undefined;
  /** The data: parsed JSON, text, or a Buffer for binary data. */
  data: unknown;
  /** The whole CloudEvent; empty if the message is none. */
  event: Readonly<Record<string, unknown>>;
}

/** An event that a test hands in: the attributes of a CloudEvent, or the bytes of a message as a text or a Buffer. */
export type GivenEvent = string | Buffer | Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

/** Returns parsed JSON, or else text. */
export function readable(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Returns the event in the bytes of a message. */
export function readEvent(bytes: Buffer, topic: string, pubsubName: string): TopicEvent {
  const value = readable(bytes);
  if (!isRecord(value) || value.specversion === undefined) {
    return { pubsubName, topic, id: undefined, type: undefined, source: undefined, data: value, event: {} };
  }
  const text = (name: string) => (typeof value[name] === 'string' ? value[name] : undefined);
  const base64 = text('data_base64');
  const data = base64 === undefined ? value.data : Buffer.from(base64, 'base64');
  return { pubsubName, topic, id: text('id'), type: text('type'), source: text('source'), data, event: value };
}

/**
 * Returns the message of an event that a test hands in. Missing attributes have the values of a publish.
 *
 * @throws {MisuseError} for an object that is no event
 */
export function toMessage(given: GivenEvent, topic: string, pubsubName: string): Buffer {
  if (typeof given === 'string' || Buffer.isBuffer(given)) return Buffer.from(given);
  const isEvent = isRecord(given) && ['data', 'data_base64', 'specversion'].some((name) => name in given);
  if (!isEvent) {
    throw new MisuseError(
      `deliver: the event is ${show(given)}; allowed: { data, id, type, ... }, or a string or Buffer for a whole message`,
    );
  }
  const { data, id, ...attributes } = given;
  const empty = { traceparent: '', tracestate: '', data: Buffer.from('null') };
  const envelope = createEnvelope(
    { pubsubName, topic, contentType: 'application/json', source: 'test', ...empty },
    new Map(id === undefined ? [] : [['cloudevent.id', String(id)]]),
  );
  const { traceid: _, traceparent: __, tracestate: ___, data: ____, ...rest } = envelope;
  return Buffer.from(stringifyJson({ ...rest, ...(parseJson(JSON.stringify({ data, ...attributes })) as object) }));
}
