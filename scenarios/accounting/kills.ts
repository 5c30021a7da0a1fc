import { AT_A_TIME } from '../../common/once/notify-once';
import type { RunStack } from '../stacks/run-stack';
import type { Service } from '../stacks/stack';

/** A service was killed. Times are in milliseconds since the epoch. */
export interface Kill {
  service: Service;
  /** What it had sent from then on may not have been marked as done. */
  sinceMs: number;
  /** From then on it sent nothing any more. */
  untilMs: number;
}

/** A notification is marked as done within a moment; ntfy tells the time in whole seconds. */
const MARKED_WITHIN_MS = 3_000;
/** How long what could not be marked for a while may take to be marked after it. */
const CATCH_UP_MS = 8_000;

/** What a killed service had sent may arrive after it; on a machine that is busy starting it again, seconds later. */
const AFTER_KILL_MS = 3_000;

/** Something that was sent more than once, and when it first arrived. */
interface Double {
  service: Service;
  first: number;
}

/** The doubles that no kill explains: each can have doubled what was under way at that moment, and no more than that. */
export function notByKill<T extends Double>(doubles: readonly T[], kills: readonly Kill[]): T[] {
  const room = new Map(kills.map((kill) => [kill, AT_A_TIME]));
  return doubles.filter(({ service, first }) => {
    const explains = ([kill, left]: [Kill, number]) =>
      left > 0 && kill.service === service && first > kill.sinceMs && first < kill.untilMs + AFTER_KILL_MS;
    const [kill, left] = [...room].find(explains) ?? [];
    if (!kill || !left) return true;
    room.set(kill, left - 1);
    return false;
  });
}

/** Keeps in mind what may have been sent without a mark when a service was killed. */
export class Kills {
  readonly list: Kill[] = [];
  private readonly unmarked = new Map<Service, { fromMs: number; toMs: number }>();

  /** Has a service die: `how` resolves once it has. On a busy machine that takes its time, from finding the process on. */
  async die(service: Service, how: () => Promise<void>): Promise<void> {
    const sinceMs = this.unmarkedSince(service, Date.now()) - MARKED_WITHIN_MS;
    await how();
    this.list.push({ service, sinceMs, untilMs: Date.now() });
  }

  /** Something that keeps services from marking anything: Redis is down, or they stand still. */
  async whileNothingIsMarked(services: readonly Service[], run: () => Promise<void>): Promise<void> {
    const startedAt = Date.now();
    await run();
    for (const service of services) {
      this.unmarked.set(service, { fromMs: this.unmarkedSince(service, startedAt), toMs: Date.now() });
    }
  }

  /** Has a service die, and starts it again. */
  async dieAndReturn(stack: RunStack, service: Service, how: () => Promise<void>): Promise<void> {
    await this.die(service, how);
    await stack.start(service);
  }

  private unmarkedSince(service: Service, nowMs: number): number {
    const { fromMs, toMs } = this.unmarked.get(service) ?? { fromMs: nowMs, toMs: 0 };
    return nowMs < toMs + CATCH_UP_MS ? fromMs : nowMs;
  }
}
