import { beforeEach, expect, test, vi } from 'vitest';
import { SidecarError } from '../common/dapr/sidecar';
import type { SaveOptions, StateItem } from '../common/dapr/state';
import { KeptTopics } from './kept-topics';

let item: StateItem | undefined;
const getState = vi.fn(async () => item);
const saveState = vi.fn(async (_key: string, value: object, { etag, ttlSeconds }: SaveOptions) => {
  expect(ttlSeconds).toBeUndefined();
  if (item?.etag !== etag) throw new SidecarError('taken');
  item = { value, etag: String(Number(etag ?? 0) + 1) };
});
const create = () => new KeptTopics('x-dead-letters', { getState, saveState });
const kept = (...numbers: number[]) => numbers.map((number) => `x-dead-letters-kept-${number}`);

beforeEach(() => {
  item = undefined;
});

test('When runs follow each other, then each reads the topic of the run before, and publishes to another', async () => {
  const first = create();
  expect(await first.topics()).toEqual({ read: ['x-dead-letters'], kept: 'x-dead-letters-kept-1' });
  await first.close();
  const second = create();
  expect(await second.topics()).toEqual({ read: ['x-dead-letters', ...kept(1)], kept: 'x-dead-letters-kept-2' });
  await second.close();
  const third = create();
  expect(await third.topics()).toEqual({ read: ['x-dead-letters', ...kept(2)], kept: 'x-dead-letters-kept-1' });
});

test('When runs are interrupted, then the next one reads the topics of all of them, until one run ends', async () => {
  await create().topics();
  await create().topics();
  const third = create();
  expect(await third.topics()).toEqual({ read: ['x-dead-letters', ...kept(1, 2)], kept: 'x-dead-letters-kept-3' });
  await third.close();
  expect((await create().topics()).read).toEqual(['x-dead-letters', ...kept(3)]);
});

test('When two runs overlap, then neither forgets the topic of the other', async () => {
  const first = create();
  await first.topics();
  const second = create();
  await second.topics();
  await second.close();
  await first.close();
  expect((await create().topics()).read.sort()).toEqual(
    ['x-dead-letters', ...kept(1, 2)].sort().filter((name) => name !== 'x-dead-letters-kept-1'),
  );
});

test('When the topics are asked for again, then they stay the same', async () => {
  const run = create();
  expect(await run.topics()).toEqual(await run.topics());
  expect(saveState).toHaveBeenCalled();
});

test('When the store does not answer at first, then it is asked again', async () => {
  getState.mockRejectedValueOnce(new SidecarError('down'));
  const run = create();
  await expect(run.topics()).rejects.toThrow('down');
  expect((await run.topics()).read).toEqual(['x-dead-letters']);
});

test('When the store does not answer at the end, then the next run reads everything again', async () => {
  await create().topics();
  const second = create();
  await second.topics();
  getState.mockRejectedValueOnce(new SidecarError('down'));
  await expect(second.close()).rejects.toThrow('down');
  expect((await create().topics()).read).toEqual(['x-dead-letters', ...kept(1, 2)]);
});
