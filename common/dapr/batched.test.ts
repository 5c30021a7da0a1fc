import { expect, test, vi } from 'vitest';
import { batched } from './batched';

/** Returns a batched function, and the calls of its `run`. The test answers each call. */
function setUp(maxItems = 100) {
  const calls: { items: readonly string[]; answer: (results: readonly (string | Error)[]) => void }[] = [];
  const run = (items: readonly string[]) =>
    new Promise<readonly (string | Error)[]>((answer) => calls.push({ items, answer }));
  return { calls, handle: batched<string, string>(run, maxItems) };
}

test('When one item arrives, then its call begins at once', async () => {
  const { calls, handle } = setUp();
  const result = handle('a');
  await vi.waitFor(() => expect(calls).toHaveLength(1));
  calls[0]?.answer(['A']);
  expect(await result).toBe('A');
});

test('When items arrive during a call, then they share the next call, and each gets its own result', async () => {
  const { calls, handle } = setUp();
  const first = handle('a');
  await vi.waitFor(() => expect(calls).toHaveLength(1));
  const later = ['b', 'c'].map((item) => handle(item));
  expect(calls).toHaveLength(1);
  calls[0]?.answer(['A']);
  expect(await first).toBe('A');
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  expect(calls[1]?.items).toEqual(['b', 'c']);
  calls[1]?.answer(['B', 'C']);
  expect(await Promise.all(later)).toEqual(['B', 'C']);
});

test('When more items arrive than one call may have, then the next call has the rest', async () => {
  const { calls, handle } = setUp(2);
  const result = ['a', 'b', 'c'].map((item) => handle(item));
  await vi.waitFor(() => expect(calls).toHaveLength(1));
  calls[0]?.answer(['A', 'B']);
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  calls[1]?.answer(['C']);
  expect(await Promise.all(result)).toEqual(['A', 'B', 'C']);
});

test('When an item fails, then only its promise rejects; when a call fails, then the promises of all its items reject, and later calls still run', async () => {
  const run = vi.fn<(items: readonly string[]) => Promise<(string | Error)[]>>();
  run
    .mockResolvedValueOnce(['A', new Error('no b')])
    .mockRejectedValueOnce(new Error('down'))
    .mockResolvedValueOnce(['A']);
  const handle = batched(run, 100);
  expect(await Promise.allSettled(['a', 'b'].map(handle))).toMatchObject([
    { value: 'A' },
    { reason: { message: 'no b' } },
  ]);
  expect(await Promise.allSettled(['a', 'b'].map(handle))).toMatchObject([
    { reason: { message: 'down' } },
    { reason: { message: 'down' } },
  ]);
  expect(await handle('a')).toBe('A');
});
