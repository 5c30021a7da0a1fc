import type { TakeClaim } from './claims';
import type { Logger } from './logger';
import type { Notify } from './subscriber';

/**
 * Dapr delivers an event at least once. This makes of it one notification: an event that was notified before is done,
 * and one that another delivery is at work on is left to that one.
 *
 * Between the notification and the mark that says so there is a moment in which a killed process forgets that it has
 * notified. What is sent twice for that has the same Message-ID.
 */
export function notifyOnce(notify: Notify, takeClaim: TakeClaim, logger: Logger): Notify {
  return async (follow, eventId) => {
    const claim = await takeClaim(eventId);
    if (!claim) {
      logger.info({ eventId }, 'done before');
      return;
    }
    try {
      await notify(follow, eventId);
    } catch (error) {
      await claim.release();
      throw error;
    }
    await claim.done();
  };
}
