import type { Logger } from '../common/logger';
import type { Notify } from '../common/subscriber';

/** Tells the followee by e-mail. */
export function createSendEmail(logger: Logger): Notify {
  return async ({ follower, followee }, eventId) => {
    logger.info({ eventId, follower, followee }, `notified ${followee} by e-mail: ${follower} follows you`);
  };
}
