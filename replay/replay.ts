import { setTimeout as sleep } from 'node:timers/promises';
import type { Dapr, DeclaredSubscription } from '../common/dapr/client';
import { UnreachableApp } from '../common/dapr/sidecar';
import { printable } from '../common/logger';
import type { Task } from './usage';

export interface Counts {
  found: number;
  /** The service has handled them. */
  replayed: number;
  /** They have failed again and stay dead letters. */
  returned: number;
  discarded: number;
}

export interface ReplayOptions {
  /** The service whose dead letters these are. */
  service: string;
  task: Task;
  dapr: Pick<Dapr, 'deliver' | 'subscriptionsOf'>;
  /** Publishes an event to the topic that the next run reads. @throws {SidecarError} */
  keep: (event: object) => Promise<void>;
  /** Prints a line for a person. */
  print: (line: string) => void;
  /** Milliseconds between two attempts to reach the service. */
  reachPauseMs?: number;
}

/** Anybody may publish an event. A line has this many characters of it. */
const MAX_SHOWN = 500;

const REACH_ATTEMPTS = 5;
const REACH_PAUSE_MS = 1_000;

/**
 * Handles the dead letters of one service, each once. A dead letter may arrive in several copies: its event failed
 * twice, or Dapr did not wait for our answer. All copies share one result, so a kept dead letter is kept once.
 */
export class Replay {
  readonly counts: Counts = { found: 0, replayed: 0, returned: 0, discarded: 0 };
  /** Whether a dead letter had to stay on its topic, because the broker did not take it. Dapr delivers it again. */
  hasFailed = false;
  /** The number of dead letters in progress. */
  inProgress = 0;
  /** When the last new dead letter was finished, in milliseconds since the epoch. */
  lastNewsAt = Date.now();
  private readonly results = new Map<string, Promise<void>>();
  private subscriptions: Promise<DeclaredSubscription[]> | undefined;

  constructor(private readonly options: ReplayOptions) {}

  /** Resolves when the dead letter may leave its topic. @throws {SidecarError} when it must stay there */
  take(event: unknown): Promise<void> {
    const id = idOf(event);
    const earlier = this.results.get(id);
    if (earlier) return earlier;
    this.counts.found += 1;
    this.inProgress += 1;
    const result = this.handle(id, event)
      .catch((error) => {
        this.results.delete(id);
        this.hasFailed = true;
        this.counts.found -= 1;
        throw error;
      })
      .finally(() => {
        this.inProgress -= 1;
        this.lastNewsAt = Date.now();
      });
    this.results.set(id, result);
    return result;
  }

  /** Resolves with what the service subscribes to. @throws {UnreachableApp} when there is no such service */
  subscribed(): Promise<DeclaredSubscription[]> {
    const { service, dapr } = this.options;
    this.subscriptions ??= this.reach(() => dapr.subscriptionsOf(service)).catch((error) => {
      this.subscriptions = undefined;
      throw error;
    });
    return this.subscriptions;
  }

  private async handle(id: string, event: unknown): Promise<void> {
    const { task, print, keep } = this.options;
    const { counts } = this;
    if (task.kind === 'replay') {
      const failure = await this.deliver(event);
      if (failure === undefined) {
        counts.replayed += 1;
        return;
      }
      await keep(event as object);
      counts.returned += 1;
      print(`returned ${id}: ${printable(failure, MAX_SHOWN)}`);
      return;
    }
    const discarded = task.kind === 'discard' && task.confirmed && task.id === id;
    if (!discarded) await keep(event as object);
    if (task.kind === 'list' || task.id === id) print(`${discarded ? 'discarded ' : ''}${describe(id, event)}`);
    if (discarded) counts.discarded += 1;
  }

  /** Resolves with undefined when the service has handled the event, and with the reason otherwise. */
  private async deliver(event: unknown): Promise<string | undefined> {
    const { service, dapr } = this.options;
    try {
      const { topic } = (event ?? {}) as { topic?: unknown };
      const route = (await this.subscribed()).find((subscription) => subscription.topic === topic)?.route;
      if (route === undefined) return `${service} does not subscribe to ${JSON.stringify(topic) ?? 'its topic'}`;
      const answer = (await this.reach(() => dapr.deliver(service, route, event))) as { status?: unknown } | undefined;
      return answer?.status === 'SUCCESS' ? undefined : `${service} refuses it for good; its log says why`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  private async reach<T>(call: () => Promise<T>): Promise<T> {
    const { reachPauseMs = REACH_PAUSE_MS } = this.options;
    for (let attemptsLeft = REACH_ATTEMPTS; ; attemptsLeft -= 1) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof UnreachableApp) || attemptsLeft <= 1) throw error;
        await sleep(reachPauseMs);
      }
    }
  }
}

/** Returns the id of the event, or its text when it has none. */
function idOf(event: unknown): string {
  const { id } = (event ?? {}) as { id?: unknown };
  return typeof id === 'string' && id !== ''
    ? printable(id, MAX_SHOWN)
    : printable(JSON.stringify(event) ?? 'nothing', MAX_SHOWN);
}

function describe(id: string, event: unknown): string {
  const { time, data } = (event ?? {}) as { time?: unknown; data?: unknown };
  return printable(`${id} ${String(time ?? '(no time)')} ${JSON.stringify(data) ?? '(no data)'}`, MAX_SHOWN);
}
