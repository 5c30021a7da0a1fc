import { setTimeout as sleep } from 'node:timers/promises';
import type { Replay } from './replay';

export interface WatchOptions {
  replay: Pick<Replay, 'counts' | 'lastNewsAt' | 'underWay'>;
  /** Rejects until dead letters can come. */
  ready: () => Promise<void>;
  /** Called once no more dead letters come. */
  finish: () => Promise<void>;
  listOnly: boolean;
  print: (line: string) => void;
  /** After so long without a dead letter that is new there are no more. Longer than Redis keeps one back that an earlier replay had before it ended. */
  quietMs?: number;
  progressMs?: number;
}

const QUIET_MS = 3_000;
const PROGRESS_MS = 1_000;
const POLL_MS = 50;

/** Shows progress until no more dead letters come. */
export async function watch({ replay, ready, finish, listOnly, print, ...times }: WatchOptions): Promise<void> {
  const { quietMs = QUIET_MS, progressMs = PROGRESS_MS } = times;
  while (
    !(await ready().then(
      () => true,
      () => false,
    ))
  )
    await sleep(POLL_MS);
  const { counts } = replay;
  const readyAt = Date.now();
  let shown = 0;
  let shownAt = readyAt;
  while (replay.underWay > 0 || Date.now() - Math.max(replay.lastNewsAt, readyAt) < quietMs) {
    if (!listOnly && replay.underWay > 0 && counts.found > shown && Date.now() - shownAt >= progressMs) {
      print(`so far: ${summary(counts)}`);
      shown = counts.found;
      shownAt = Date.now();
    }
    await sleep(POLL_MS);
  }
  print(listOnly ? `${counts.found} dead ${counts.found === 1 ? 'letter' : 'letters'}` : summary(counts));
  await finish();
}

const summary = ({ found, replayed, returned }: Replay['counts']) =>
  `found ${found}, replayed ${replayed}, returned ${returned}`;
