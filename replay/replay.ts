import type { Dapr } from '../common/dapr/client';
import { UnreachableApp } from '../common/dapr/sidecar';

/** What becomes of a dead letter: SUCCESS takes it off its topic, DROP has Dapr put it on the topic for the next replay. */
export type Verdict = 'SUCCESS' | 'DROP';

export interface Counts {
  found: number;
  replayed: number;
  returned: number;
}

export interface ReplayOptions {
  /** Whose dead letters they are, and who gets them again. */
  service: string;
  route: string;
  dapr: Pick<Dapr, 'deliver'>;
  /** Only shows them, and keeps all of them for the next replay. */
  listOnly: boolean;
  /** Called with a line for a person to read. */
  print: (line: string) => void;
  /** Between two attempts to reach the service. */
  reachPauseMs?: number;
}

const REACH_ATTEMPTS = 5;
const REACH_PAUSE_MS = 1_000;

/**
 * Hands dead letters to their service, each once. A letter may come in several copies: because the same event failed
 * twice, or because Dapr did not wait for the first answer. All copies have the same verdict, since nobody knows which
 * of the answers Dapr still hears; so one that goes back may go back more than once, and counts as one next time.
 */
export class Replay {
  readonly counts: Counts = { found: 0, replayed: 0, returned: 0 };
  /** When the last dead letter came that had not been there before, or its turn ended. */
  lastNewsAt = Date.now();
  private readonly turns = new Map<string, Promise<Verdict>>();

  constructor(private readonly options: ReplayOptions) {}

  /** One that is being worked on, if there is any. */
  underWay = 0;

  async take(event: unknown): Promise<Verdict> {
    const id = idOf(event);
    const earlier = this.turns.get(id);
    if (earlier) return earlier;
    this.counts.found += 1;
    this.underWay += 1;
    const turn = this.replay(id, event).finally(() => {
      this.underWay -= 1;
      this.lastNewsAt = Date.now();
    });
    this.turns.set(id, turn);
    return turn;
  }

  private async replay(id: string, event: unknown): Promise<Verdict> {
    const { service, listOnly, print } = this.options;
    const { counts } = this;
    if (listOnly) {
      print(describe(id, event));
      return 'DROP';
    }
    try {
      const answer = (await this.deliver(event)) as { status?: unknown } | undefined;
      if (answer?.status === 'SUCCESS') {
        counts.replayed += 1;
        return 'SUCCESS';
      }
      print(`returned ${id}: ${service} refuses it for good; its log says why`);
    } catch (error) {
      print(`returned ${id}: ${printable((error as Error).message)}`);
    }
    counts.returned += 1;
    return 'DROP';
  }

  private async deliver(event: unknown): Promise<unknown> {
    const { service, route, dapr, reachPauseMs = REACH_PAUSE_MS } = this.options;
    for (let left = REACH_ATTEMPTS; ; left -= 1) {
      try {
        return await dapr.deliver(service, route, event);
      } catch (error) {
        if (!(error instanceof UnreachableApp) || left <= 1) throw error;
        await pause(reachPauseMs);
      }
    }
  }
}

/** The event's id, or what tells an event without one from another. */
function idOf(event: unknown): string {
  const { id } = (event ?? {}) as { id?: unknown };
  return typeof id === 'string' && id !== '' ? printable(id) : printable(JSON.stringify(event) ?? 'nothing');
}

function describe(id: string, event: unknown): string {
  const { time, data } = (event ?? {}) as { time?: unknown; data?: unknown };
  return printable(`${id} ${String(time ?? '(no time)')} ${JSON.stringify(data) ?? '(no data)'}`);
}

/** Events come from anywhere; a line on a terminal stays one, and steers nothing. */
const printable = (text: string) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, 500);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
