import { expect, test, vi } from 'vitest';
import { together } from './batched';

/** A run whose calls are answered one by one, when the test says so. */
function setUp(most = 100) {
  const calls: { items: readonly string[]; answer: (results: readonly (string | Error)[]) => void }[] = [];
  const run = (items: readonly string[]) =>
    new Promise<readonly (string | Error)[]>((answer) => calls.push({ items, answer }));
  return { calls, ask: together<string, string>(run, most) };
}

test('When one is alone, then it goes out at once', async () => {
  const { calls, ask } = setUp();
  const asked = ask('a');
  await vi.waitFor(() => expect(calls).toHaveLength(1));
  calls[0]?.answer(['A']);
  expect(await asked).toBe('A');
});

test('When others come while a call is under way, then they go out together after it, and each gets its own answer', async () => {
  const { calls, ask } = setUp();
  const first = ask('a');
  await vi.waitFor(() => expect(calls).toHaveLength(1));
  const later = ['b', 'c'].map((item) => ask(item));
  expect(calls).toHaveLength(1);
  calls[0]?.answer(['A']);
  expect(await first).toBe('A');
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  expect(calls[1]?.items).toEqual(['b', 'c']);
  calls[1]?.answer(['B', 'C']);
  expect(await Promise.all(later)).toEqual(['B', 'C']);
});

test('When there are more than go into one call, then the rest goes into the next', async () => {
  const { calls, ask } = setUp(2);
  const asked = ['a', 'b', 'c'].map((item) => ask(item));
  await vi.waitFor(() => expect(calls).toHaveLength(1));
  calls[0]?.answer(['A', 'B']);
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  calls[1]?.answer(['C']);
  expect(await Promise.all(asked)).toEqual(['A', 'B', 'C']);
});

test('When one of them fails, then it alone; when the call fails, then all of them, and the next call is not held up', async () => {
  const run = vi.fn<(items: readonly string[]) => Promise<(string | Error)[]>>();
  run
    .mockResolvedValueOnce(['A', new Error('no b')])
    .mockRejectedValueOnce(new Error('down'))
    .mockResolvedValueOnce(['A']);
  const ask = together(run, 100);
  expect(await Promise.allSettled(['a', 'b'].map(ask))).toMatchObject([
    { value: 'A' },
    { reason: { message: 'no b' } },
  ]);
  expect(await Promise.allSettled(['a', 'b'].map(ask))).toMatchObject([
    { reason: { message: 'down' } },
    { reason: { message: 'down' } },
  ]);
  expect(await ask('a')).toBe('A');
});
