import type { RunStack } from './run-stack';
import type { Service } from './stack';

/** A service was killed. */
export interface Kill {
  service: Service;
  /** When, in milliseconds since the epoch. */
  atMs: number;
  /** What it had sent from then on may not have been marked as done. */
  sinceMs: number;
}

/** A notification is marked as done within a moment; ntfy tells the time in whole seconds. */
const MARKED_WITHIN_MS = 3_000;
/** How long after Redis is back what could not be marked meanwhile may take to be. */
const CATCH_UP_MS = 8_000;

/** Keeps in mind what may have been sent without a mark when a service was killed. */
export class Kills {
  readonly list: Kill[] = [];
  private outage = { fromMs: 0, toMs: 0 };

  /** To be called right before. */
  note(service: Service): void {
    const atMs = Date.now();
    const { fromMs, toMs } = this.outage;
    const unmarkedFromMs = atMs < toMs + CATCH_UP_MS ? fromMs : atMs;
    this.list.push({ service, atMs, sinceMs: unmarkedFromMs - MARKED_WITHIN_MS });
  }

  /** While Redis is down, nothing is marked. */
  async redisOutage(run: () => Promise<void>): Promise<void> {
    const fromMs = Date.now();
    await run();
    this.outage = { fromMs, toMs: Date.now() };
  }

  /** Has a service die, and starts it again. */
  async dieAndReturn(stack: RunStack, service: Service, how: () => Promise<void>): Promise<void> {
    this.note(service);
    await how();
    await stack.start(service);
  }
}
