import { setTimeout as sleep } from 'node:timers/promises';
import type { Counts, Replay } from './replay';
import type { Task } from './usage';

export interface WatchOptions {
  replay: Pick<Replay, 'counts' | 'lastNewsAt' | 'inProgress' | 'subscribed' | 'hasFailed'>;
  service: string;
  task: Task;
  /** Rejects until dead letters can arrive. */
  ready: () => Promise<void>;
  print: (line: string) => void;
  /** Without a new dead letter for this time, there are no more. Redis holds those of an interrupted run back for 2 s. */
  quietMs?: number;
  progressMs?: number;
  /** How long the subscription may take. */
  readyMs?: number;
}

const QUIET_MS = 3_000;
const PROGRESS_MS = 1_000;
const READY_MS = 60_000;
const POLL_MS = 50;

/** The end of a run. */
export interface RunEnd {
  /** 0 when the task is done, 1 when dead letters were returned or the task was not possible. */
  code: number;
  /** Whether every dead letter of the topics has been read, and none of them had to stay there. */
  complete: boolean;
}

/** Prints the progress until no more dead letters arrive, and then the result. Resolves with the end of the run. */
export async function watch(options: WatchOptions): Promise<RunEnd> {
  const { replay, service, task, print, quietMs = QUIET_MS, progressMs = PROGRESS_MS } = options;
  const failure = await untilReady(options);
  if (failure) {
    print(`cannot read the dead letters of ${service}: ${failure.message}`);
    return { code: 1, complete: false };
  }
  const { counts } = replay;
  const readyAt = Date.now();
  let shown = 0;
  let shownAt = readyAt;
  while (replay.inProgress > 0 || Date.now() - Math.max(replay.lastNewsAt, readyAt) < quietMs) {
    if (task.kind === 'replay' && replay.inProgress > 0 && counts.found > shown && Date.now() - shownAt >= progressMs) {
      print(`so far: ${summary(counts)}`);
      shown = counts.found;
      shownAt = Date.now();
    }
    await sleep(POLL_MS);
  }
  const end = { code: report(task, counts, print), complete: !replay.hasFailed };
  if (counts.found > 0) return end;
  // A wrong name must not look like a service without dead letters.
  return replay.subscribed().then(
    () => end,
    (error: Error) => {
      print(`is "${service}" the right name? ${error.message}`);
      return { ...end, code: 1 };
    },
  );
}

function report(task: Task, counts: Counts, print: (line: string) => void): number {
  if (task.kind === 'replay') {
    print(summary(counts));
    return counts.returned > 0 ? 1 : 0;
  }
  if (task.kind === 'list') {
    print(`${counts.found} dead ${counts.found === 1 ? 'letter' : 'letters'}`);
    return 0;
  }
  print(`found ${counts.found}, discarded ${counts.discarded}`);
  if (!task.confirmed) print('Nothing was discarded. Add --yes to discard this dead letter for good.');
  else if (counts.discarded === 0) print(`There is no dead letter with the id ${task.id}.`);
  return counts.discarded > 0 ? 0 : 1;
}

async function untilReady({ ready, readyMs = READY_MS }: WatchOptions): Promise<Error | undefined> {
  for (const deadline = Date.now() + readyMs; ; await sleep(POLL_MS)) {
    const failure = await ready().then(
      () => undefined,
      (error: Error) => error,
    );
    if (!failure || Date.now() > deadline) return failure;
  }
}

const summary = ({ found, replayed, returned }: Counts) => `found ${found}, replayed ${replayed}, returned ${returned}`;
