import type { Notify } from '../dapr/subscriber';
import type { Logger } from '../logger';
import type { TakeClaim } from './claims';

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
  const turn = createTurns(AT_A_TIME);
  const notifyClaimed: Notify = async (follow, eventId, left) => {
    const claim = await takeClaim(eventId);
    if (!claim) {
      logger.info({ eventId }, 'done before');
      return;
    }
    const giveBack = async (error: unknown): Promise<never> => {
      await claim.release();
      throw error;
    };
    const end = await turn(left).catch(giveBack);
    try {
      await notify(follow, eventId, left).catch(giveBack);
      await claim.done();
    } finally {
      end();
    }
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

/**
 * Gives turns, `max` at a time, in the order they are asked for; who has one calls what it resolves with at its end. It
 * rejects once Dapr has left: who waits no longer for a delivery delivers it again, and finds it free.
 */
function createTurns(max: number): (left: AbortSignal) => Promise<() => void> {
  const waiting = new Set<() => void>();
  let running = 0;
  const end = () => {
    const [next] = waiting;
    if (next) next();
    else running -= 1;
  };
  return (left) =>
    new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(start);
        reject(new Error('Dapr no longer waits for this delivery'));
      };
      const start = () => {
        waiting.delete(start);
        left.removeEventListener('abort', leave);
        resolve(end);
      };
      if (left.aborted) return leave();
      left.addEventListener('abort', leave, { once: true });
      waiting.add(start);
      if (running === max) return;
      running += 1;
      start();
    });
}
