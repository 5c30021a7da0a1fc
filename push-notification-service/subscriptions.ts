import { type Handle, type Subscription, subscription } from '../common/dapr/subscription';
import { FOLLOWER_ADDED, type Follow, parseFollow } from '../common/follow';

/** The topics that this service subscribes to, and how it handles their events: the followee gets a push message. */
export const subscriptions = (sendPush: Handle<Follow>): Subscription[] => [
  subscription({ topic: FOLLOWER_ADDED, route: '/followerAdded', parse: parseFollow, handle: sendPush }),
];
