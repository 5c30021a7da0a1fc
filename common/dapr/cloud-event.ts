import { parseTrace, type Trace } from '../http/trace-context';

/** The parts of a CloudEvent that a subscriber uses. */
export interface CloudEvent {
  id: string;
  /** The topic on which the event was first published. Anybody may publish an event, so it may have any type. */
  topic: unknown;
  data: unknown;
  /** The trace in the event. Deliveries with a trace header have their own. */
  trace: Trace | undefined;
}

/** An event that no delivery can make valid. The message says why. */
export class PoisonEvent extends Error {
  /** Undefined when the event has no usable id. */
  eventId: string | undefined;
}

// The specification asks for a non-empty string. State keys, mail headers and logs hold our ids, so they must be short
// and visible.
const EVENT_ID = /^[\x21-\x7e]{1,255}$/;

/** Whether a value is an object or an array. */
export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** One event of a batch. Dapr reads the result of the event under its entry id. */
export interface BatchEntry {
  entryId: string;
  event: unknown;
}

/** Returns the events of a batch; undefined when the delivery is a single event. */
export function batchOf(body: unknown): BatchEntry[] | undefined {
  if (!isObject(body) || !('entries' in body) || !Array.isArray(body.entries)) return undefined;
  if ('specversion' in body) return undefined; // a single CloudEvent with an attribute named `entries`
  return body.entries.filter(
    (entry: unknown) => isObject(entry) && 'entryId' in entry && typeof entry.entryId === 'string',
  );
}

/**
 * Returns the parts of a delivered CloudEvent that a subscriber uses. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 *
 * @throws {PoisonEvent} when the body is not an object or has no usable id
 */
export function parseCloudEvent(body: unknown): CloudEvent {
  if (!isObject(body)) throw new PoisonEvent('the body is not a CloudEvent');
  const { id, topic, data, traceparent, tracestate } = body as Record<string, unknown>;
  if (typeof id !== 'string' || !EVENT_ID.test(id)) {
    throw new PoisonEvent('the event id is not a string of 1 to 255 visible ASCII characters');
  }
  return { id, topic, data, trace: parseTrace(traceparent, tracestate) };
}
