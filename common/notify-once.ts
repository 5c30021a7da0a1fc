import type { TakeClaim } from './claims';
import type { Logger } from './logger';
import type { Notify } from './subscriber';

/**
 * Notifications under way at a time, in one process: a kill can double no more than these. More events than that may be
 * claimed and wait for their turn, so that they are claimed together.
 */
export const AT_A_TIME = 16;

export interface Notifier {
  notify: Notify;
  /** Resolves once nothing is under way any more, not even what Dapr has ceased to wait for. */
  idle(): Promise<void>;
}

/**
 * Dapr delivers an event at least once. This makes of it one notification: an event that was notified before is done,
 * and one that another delivery is at work on is left to that one.
 *
 * Between the notification and the mark that says so there is a moment in which a killed process forgets that it has
 * notified. What is sent twice for that has the same Message-ID.
 */
export function notifyOnce(notify: Notify, takeClaim: TakeClaim, logger: Logger): Notifier {
  const running = new Set<Promise<void>>();
  const limit = createLimit(AT_A_TIME);
  const notifyClaimed: Notify = async (follow, eventId, left) => {
    const claim = await takeClaim(eventId);
    if (!claim) {
      logger.info({ eventId }, 'done before');
      return;
    }
    await limit(async () => {
      try {
        if (left.aborted) throw new Error('Dapr no longer waits for this delivery');
        await notify(follow, eventId, left);
      } catch (error) {
        await claim.release();
        throw error;
      }
      await claim.done();
    });
  };

  return {
    notify(follow, eventId, left) {
      const notification = notifyClaimed(follow, eventId, left);
      const end = () => void running.delete(notification);
      running.add(notification);
      notification.then(end, end);
      return notification;
    },
    async idle() {
      await Promise.allSettled(running);
    },
  };
}

/** Lets `max` run at a time; the others wait for their turn in the order they came. */
function createLimit(max: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running < max) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
