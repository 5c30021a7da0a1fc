import { expect, test, vi } from 'vitest';
import { watch } from './watch';

const finish = vi.fn<() => Promise<void>>().mockResolvedValue();
const start = (replay: Parameters<typeof watch>[0]['replay'], ready = async () => {}, listOnly = false) => {
  const printed: string[] = [];
  finish.mockClear();
  const print = (line: string) => void printed.push(line);
  const ended = watch({ replay, ready, finish, listOnly, print, quietMs: 100, progressMs: 50 });
  return { printed, ended };
};
const idle = () => ({ counts: { found: 0, replayed: 0, returned: 0 }, lastNewsAt: Date.now(), underWay: 0 });

test('When no dead letter comes for a while, then the counts are printed and that is the end', async () => {
  const startedAt = Date.now();
  const { printed, ended } = start(idle());
  await ended;
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(100);
  expect(printed).toEqual(['found 0, replayed 0, returned 0']);
  expect(finish).toHaveBeenCalledOnce();
});

test('When the subscription is not there yet, then the wait has not begun', async () => {
  const ready = vi.fn(async () => {
    if (ready.mock.calls.length < 5) throw new Error('not yet');
  });
  const { printed, ended } = start(idle(), ready);
  await vi.waitFor(() => expect(ready).toHaveBeenCalledTimes(4), { timeout: 5_000 });
  expect(printed).toEqual([]);
  await ended;
  expect(printed).toHaveLength(1);
});

test('When there are many, then progress is shown until the last one is through', async () => {
  const replay = idle();
  replay.underWay = 1;
  Object.assign(replay.counts, { found: 500, replayed: 499 });
  const { printed, ended } = start(replay);
  await vi.waitFor(() => expect(printed).toEqual(['so far: found 500, replayed 499, returned 0']), { timeout: 5_000 });
  replay.underWay = 0;
  replay.counts.replayed = 500;
  replay.lastNewsAt = Date.now();
  await ended;
  expect(printed.at(-1)).toBe('found 500, replayed 500, returned 0');
});

test('When they are only listed, then their number is the last line', async () => {
  const replay = idle();
  replay.counts.found = 1;
  const { printed, ended } = start(replay, async () => {}, true);
  await ended;
  expect(printed).toEqual(['1 dead letter']);
});
