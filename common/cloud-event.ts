import { type Follow, parseFollow } from './follow';
import { parseTrace, type Trace } from './trace-context';

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

/**
 * Reads a delivery: a CloudEvent 1.0 in JSON, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 *
 * @throws {PoisonEvent} when it is none, or not about a follow
 */
export function parseFollowerAdded(body: unknown): FollowerAdded {
  if (typeof body !== 'object' || body === null) throw new PoisonEvent('the body is not a CloudEvent');
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
