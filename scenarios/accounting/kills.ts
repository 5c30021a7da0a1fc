import { MAX_CONCURRENT } from '../../common/once/handle-once';
import type { RunStack } from '../stacks/run-stack';
import type { Service } from '../stacks/stack';

/** The kill of a service. Times are in milliseconds since the epoch. */
export interface Kill {
  service: Service;
  /** Notifications from this time on may not be marked as done. */
  sinceMs: number;
  /** From this time on the service sends nothing. */
  untilMs: number;
}

/** A notification that arrived more than once, and the time of the first arrival. */
export interface Double {
  service: Service;
  firstMs: number;
}

/** A service marks a notification as done much sooner. The rest covers ntfy's times, which are whole seconds. */
const MARKED_WITHIN_MS = 3_000;
/** After a time without marks, the service marks the earlier notifications within this time. */
const CATCH_UP_MS = 8_000;
/** A notification may arrive this long after the kill of its service, because the restart keeps the machine busy. */
const AFTER_KILL_MS = 3_000;

/**
 * Returns the doubles that no kill explains. A kill explains doubles of its service, around the time of the kill, up to
 * the service's concurrency limit.
 */
export function unexplainedBy<T extends Double>(kills: readonly Kill[], doubles: readonly T[]): T[] {
  const room = new Map(kills.map((kill) => [kill, MAX_CONCURRENT]));
  return doubles.filter(({ service, firstMs }) => {
    const explains = ([kill, left]: [Kill, number]) =>
      left > 0 && kill.service === service && firstMs > kill.sinceMs && firstMs < kill.untilMs + AFTER_KILL_MS;
    const [kill, left] = [...room].find(explains) ?? [];
    if (!kill || !left) return true;
    room.set(kill, left - 1);
    return false;
  });
}

/** Records the kills of services, and for each kill the time since which notifications may not be marked as done. */
export class Kills {
  readonly list: Kill[] = [];
  private readonly unmarked = new Map<Service, { fromMs: number; toMs: number }>();

  /**
   * Records the kill of a service.
   *
   * @param kill kills the service, and resolves after its death. The record begins before this call, because a busy
   * machine needs time even to find the process.
   */
  async die(service: Service, kill: () => Promise<void>): Promise<void> {
    const sinceMs = this.unmarkedSince(service, Date.now()) - MARKED_WITHIN_MS;
    await kill();
    this.list.push({ service, sinceMs, untilMs: Date.now() });
  }

  /** Records the kill of a service, and starts the service again. */
  async dieAndRestart(stack: RunStack, service: Service, kill: () => Promise<void>): Promise<void> {
    await this.die(service, kill);
    await stack.start(service);
  }

  /** Records a time in which services cannot mark notifications: Redis is down, or the services are suspended. */
  async whileNothingIsMarked(services: readonly Service[], run: () => Promise<void>): Promise<void> {
    const startedAt = Date.now();
    await run();
    for (const service of services) {
      this.unmarked.set(service, { fromMs: this.unmarkedSince(service, startedAt), toMs: Date.now() });
    }
  }

  private unmarkedSince(service: Service, nowMs: number): number {
    const { fromMs, toMs } = this.unmarked.get(service) ?? { fromMs: nowMs, toMs: 0 };
    return nowMs < toMs + CATCH_UP_MS ? fromMs : nowMs;
  }
}
