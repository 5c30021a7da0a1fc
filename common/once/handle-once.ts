import type { HandleOnce } from '../dapr/subscriber';
import type { Logger } from '../logger';
import type { Claims } from './claims';

/**
 * The number of events that one process handles at a time. When a process is killed, at most these
 * events are notified twice. More events may be
 * claimed and wait: their claims then share requests to the state store.
 */
export const MAX_CONCURRENT = 16;

export interface OnceHandler {
  handleOnce: HandleOnce;
  /** Resolves when no event is in progress, including events whose delivery Dapr has abandoned, and every mark is stored. */
  idle(): Promise<void>;
}

/**
 * Handles each event once, although Dapr may deliver it several times. An event that is done is not handled again. An event that
 * another delivery handles is left to that delivery.
 *
 * One gap remains: a process that is killed after the work and before the mark forgets that the work is done.
 */
export function createHandleOnce(claims: Claims, logger: Logger): OnceHandler {
  const inProgress = new Set<Promise<void>>();
  const acquire = createSlots(MAX_CONCURRENT);

  const handle: HandleOnce = async (event, signal, work) => {
    const claim = await claims.take(event);
    if (!claim) {
      logger.info({ eventId: event.id }, 'done before');
      return;
    }
    const releaseClaim = async (error: unknown): Promise<never> => {
      await claim.release();
      throw error;
    };
    const releaseSlot = await acquire(signal).catch(releaseClaim);
    try {
      await work().catch(releaseClaim);
      await claim.done();
    } finally {
      releaseSlot();
    }
  };

  return {
    handleOnce(event, signal, work) {
      const handling = handle(event, signal, work);
      const end = () => void inProgress.delete(handling);
      inProgress.add(handling);
      handling.then(end, end);
      return handling;
    },
    async idle() {
      await Promise.allSettled(inProgress);
      await claims.marked();
    },
  };
}

/**
 * Returns a function that waits for one of `max` slots, first come, first served, and resolves with a function that
 * frees the slot. It rejects when the signal is aborted: Dapr will deliver the event again.
 */
function createSlots(max: number): (signal: AbortSignal) => Promise<() => void> {
  const waiting = new Set<() => void>();
  let taken = 0;
  const free = () => {
    const [next] = waiting;
    if (next) next();
    else taken -= 1;
  };
  return (signal) =>
    new Promise((resolve, reject) => {
      const abandon = () => {
        waiting.delete(start);
        reject(new Error('Dapr no longer waits for this delivery'));
      };
      const start = () => {
        waiting.delete(start);
        signal.removeEventListener('abort', abandon);
        resolve(free);
      };
      if (signal.aborted) return abandon();
      signal.addEventListener('abort', abandon, { once: true });
      waiting.add(start);
      if (taken === max) return;
      taken += 1;
      start();
    });
}
