import type { Logger } from '../common/logger';
import type { Notify } from '../common/subscriber';

/** Tells the followee by push message. */
export function createSendPush(logger: Logger): Notify {
  return async ({ follower, followee }, eventId) => {
    logger.info({ eventId, follower, followee }, `notified ${followee} by push message: ${follower} follows you`);
  };
}
