import { type Follow, parseFollow } from '../follow';
import { parseTrace, type Trace } from '../http/trace-context';

/** A `followerAdded` event as a subscriber works with it. */
export interface FollowerAdded {
  id: string;
  follow: Follow;
  /** The trace that the event carries, for when the delivery itself carries none. */
  trace: Trace | undefined;
}

/** An event that will never be one we can act on, however often it is delivered. The message says why. */
export class PoisonEvent extends Error {
  /** Undefined when not even the id can be used. */
  eventId: string | undefined;
}

// CloudEvents wants a non-empty string. Ours end up in state keys, mail headers and logs, so they stay visible and short.
const EVENT_ID = /^[\x21-\x7e]{1,255}$/;

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** One event of a batch, and the name under which Dapr wants to hear what became of it. */
export interface BatchEntry {
  entryId: string;
  event: unknown;
}

/** The events of a delivery that is a batch; undefined when it is a single event. */
export function batchOf(body: unknown): BatchEntry[] | undefined {
  if (!isObject(body) || !('entries' in body) || !Array.isArray(body.entries)) return undefined;
  if ('specversion' in body) return undefined; // an event that somebody has given entries
  return body.entries.filter(
    (entry: unknown) => isObject(entry) && 'entryId' in entry && typeof entry.entryId === 'string',
  );
}

/**
 * Reads a delivery: a CloudEvent 1.0 in JSON, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 *
 * @throws {PoisonEvent} when it is none, or not about a follow
 */
export function parseFollowerAdded(body: unknown): FollowerAdded {
  if (!isObject(body)) throw new PoisonEvent('the body is not a CloudEvent');
  const { id, data, traceparent, tracestate } = body as Record<string, unknown>;
  if (typeof id !== 'string' || !EVENT_ID.test(id)) {
    throw new PoisonEvent('the event id is not a string of 1 to 255 visible ASCII characters');
  }
  try {
    return { id, follow: parseFollow(data), trace: parseTrace(traceparent, tracestate) };
  } catch (error) {
    const poison = new PoisonEvent(`event data: ${(error as Error).message}`, { cause: error });
    poison.eventId = id;
    throw poison;
  }
}
