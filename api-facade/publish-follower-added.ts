import { createHash, randomUUID } from 'node:crypto';
import type { Dapr } from '../common/dapr/client';
import { FOLLOWER_ADDED, type Follow } from '../common/follow';
import type { Trace } from '../common/http/trace-context';

/**
 * Publishes the fact that somebody gained a follower and resolves with the event's id, once the broker has the event.
 * The same idempotency key always gives the same id, by which the subscribers recognise a repeated request.
 *
 * @throws {SidecarError} when the event was not accepted
 */
export type PublishFollowerAdded = (follow: Follow, trace: Trace, idempotencyKey?: string) => Promise<string>;

export function createPublishFollowerAdded({ publish }: Pick<Dapr, 'publish'>): PublishFollowerAdded {
  return async (follow, trace, idempotencyKey) => {
    const id = idempotencyKey === undefined ? randomUUID() : idFrom(idempotencyKey);
    await publish({ topic: FOLLOWER_ADDED, data: follow, id, type: FOLLOWER_ADDED, trace });
    return id;
  };
}

// A hash, so that a key that means something to its sender is not spread over logs, mails and other services.
const idFrom = (key: string) => createHash('sha256').update(key).digest('hex').slice(0, 32);
