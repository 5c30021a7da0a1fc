import type { Dapr } from '../common/dapr/client';
import { FOLLOWER_ADDED, type Follow } from '../common/follow';
import type { Trace } from '../common/http/trace-context';

/**
 * Publishes the event that somebody gained a follower. Resolves after the broker has accepted the event.
 *
 * @param id the id of the event, by which the subscribers recognise a repeated request
 * @throws {SidecarError} when the broker has not accepted the event, and also when its answer is lost
 */
export type PublishFollowerAdded = (follow: Follow, id: string, trace: Trace) => Promise<void>;

/** Returns the function that publishes follows through a sidecar. */
export const createPublishFollowerAdded =
  ({ publish }: Pick<Dapr, 'publish'>): PublishFollowerAdded =>
  (follow, id, trace) =>
    publish({ topic: FOLLOWER_ADDED, data: follow, id, type: FOLLOWER_ADDED, trace });
