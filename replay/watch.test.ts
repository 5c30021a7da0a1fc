import { expect, test, vi } from 'vitest';
import type { Replay } from './replay';
import type { Task } from './usage';
import { type WatchOptions, watch } from './watch';

const REPLAY: Task = { kind: 'replay' };
const idle = (counts: Partial<Replay['counts']> = {}) => ({
  counts: { found: 0, replayed: 0, returned: 0, discarded: 0, ...counts },
  lastNewsAt: Date.now(),
  inProgress: 0,
  hasFailed: false,
  subscribed: vi.fn<Replay['subscribed']>().mockResolvedValue([]),
});
const start = (replay: WatchOptions['replay'], task: Task = REPLAY, more: Partial<WatchOptions> = {}) => {
  const printed: string[] = [];
  const print = (line: string) => void printed.push(line);
  const times = { quietMs: 100, progressMs: 50, readyMs: 200 };
  return { printed, ended: watch({ replay, service: 'x', task, ready: async () => {}, print, ...times, ...more }) };
};

test('When no dead letter arrives for a while, then the counts are printed and that is the end', async () => {
  const startedAt = Date.now();
  const { printed, ended } = start(idle());
  expect(await ended).toEqual({ code: 0, complete: true });
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(100);
  expect(printed).toEqual(['found 0, replayed 0, returned 0']);
});

test('When the subscription is not there yet, then the wait has not begun', async () => {
  const ready = vi.fn(async () => {
    if (ready.mock.calls.length < 5) throw new Error('not yet');
  });
  const { printed, ended } = start(idle(), REPLAY, { ready, readyMs: 60_000 });
  await vi.waitFor(() => expect(ready).toHaveBeenCalledTimes(4), { timeout: 20_000 });
  expect(printed).toEqual([]);
  await ended;
  expect(printed).toHaveLength(1);
});

test('When the subscription never comes, then a line says why, and the exit code is 1', async () => {
  const { printed, ended } = start(idle(), REPLAY, { ready: () => Promise.reject(new Error('the store is down')) });
  expect(await ended).toEqual({ code: 1, complete: false });
  expect(printed).toEqual(['cannot read the dead letters of x: the store is down']);
});

test('When there are many, then progress is shown until the last one is finished', async () => {
  const replay = idle({ found: 500, replayed: 499 });
  replay.inProgress = 1;
  const { printed, ended } = start(replay);
  await vi.waitFor(() => expect(printed).toEqual(['so far: found 500, replayed 499, returned 0']), { timeout: 20_000 });
  replay.inProgress = 0;
  replay.counts.replayed = 500;
  replay.lastNewsAt = Date.now();
  expect(await ended).toEqual({ code: 0, complete: true });
  expect(printed.at(-1)).toBe('found 500, replayed 500, returned 0');
});

test.each<[string, Task, Partial<Replay['counts']>, number, string]>([
  ['a dead letter is returned', REPLAY, { found: 2, replayed: 1, returned: 1 }, 1, 'found 2, replayed 1, returned 1'],
  ['one dead letter is listed', { kind: 'list' }, { found: 1 }, 0, '1 dead letter'],
  ['two dead letters are listed', { kind: 'list' }, { found: 2 }, 0, '2 dead letters'],
  [
    'a dead letter is discarded',
    { kind: 'discard', id: 'a', confirmed: true },
    { found: 2, discarded: 1 },
    0,
    'found 2, discarded 1',
  ],
  [
    'a discard is not confirmed',
    { kind: 'discard', id: 'a', confirmed: false },
    { found: 2 },
    1,
    'found 2, discarded 0\nNothing was discarded. Add --yes to discard this dead letter for good.',
  ],
  [
    'the dead letter to discard is not there',
    { kind: 'discard', id: 'a', confirmed: true },
    { found: 2 },
    1,
    'found 2, discarded 0\nThere is no dead letter with the id a.',
  ],
])('When %s, then the result and the exit code say so', async (_, task, counts, code, lines) => {
  const { printed, ended } = start(idle(counts), task);
  expect(await ended).toEqual({ code, complete: true });
  expect(printed.join('\n')).toBe(lines);
});

test.each<Task>([REPLAY, { kind: 'list' }])(
  'When nothing is found (%j) and there is no such service, then a line asks whether the name is right, and the exit code is 1',
  async (task) => {
    const replay = idle();
    replay.subscribed.mockRejectedValue(new Error("couldn't find service: x"));
    const { printed, ended } = start(replay, task);
    expect(await ended).toMatchObject({ code: 1 });
    expect(printed.at(-1)).toBe(`is "x" the right name? couldn't find service: x`);
  },
);

test('When a dead letter had to stay on its topic, then the run is not complete, so that the next one reads the topic again', async () => {
  const replay = idle({ found: 1, replayed: 1 });
  replay.hasFailed = true;
  expect(await start(replay).ended).toEqual({ code: 0, complete: false });
});
