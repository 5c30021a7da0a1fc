import { PoisonEvent } from './cloud-event';

/**
 * Handles the data of one event, and resolves when that is done: the SMTP server has accepted the mail.
 *
 * @param signal aborted when Dapr stops waiting for the delivery. Leave work that has not begun to the next delivery.
 * @throws {PermanentFailure} when a retry cannot help. Dapr retries the event after any other error.
 */
export type Handle<Data> = (data: Data, eventId: string, signal: AbortSignal) => Promise<void>;

/** A failure that no retry can mend. The event becomes a dead letter. */
export class PermanentFailure extends Error {}

/** One topic that a service subscribes to. */
export interface TopicHandler<Data> {
  topic: string;
  /** The path that Dapr posts the events to, such as '/followerAdded'. */
  route: string;
  /** Turns the event's data into a type. An error makes the event a dead letter; its message says what is wrong. */
  parse: (data: unknown) => Data;
  handle: Handle<Data>;
}

/** A `TopicHandler` whose data type only its own functions know. */
export interface Subscription {
  topic: string;
  route: string;
  /** Checks the data and returns the work. @throws {PoisonEvent} when the data is not valid */
  prepare: (data: unknown, eventId: string) => (signal: AbortSignal) => Promise<void>;
}

/** Returns the subscription for `runSubscriber` and `createSubscriber`. */
export function subscription<Data>({ topic, route, parse, handle }: TopicHandler<Data>): Subscription {
  return {
    topic,
    route,
    prepare(data, eventId) {
      try {
        const parsed = parse(data);
        return (signal) => handle(parsed, eventId, signal);
      } catch (error) {
        const poison = new PoisonEvent(`event data: ${(error as Error).message}`, { cause: error });
        poison.eventId = eventId;
        throw poison;
      }
    },
  };
}
