import { expect, test, vi } from 'vitest';
import { SidecarError } from '../common/dapr/sidecar';
import type { SaveOptions, StateItem } from '../common/dapr/state';
import { Generation } from './generation';

let item: StateItem | undefined;
const getState = vi.fn(async () => item);
const saveState = vi.fn(async (_key: string, value: object, { etag, ttlSeconds }: SaveOptions) => {
  expect(ttlSeconds).toBeUndefined();
  if (item?.etag !== etag) throw new SidecarError('taken');
  item = { value, etag: String(Number(etag ?? 0) + 1) };
});
const create = () => new Generation('x-dead-letters', { getState, saveState });

test('When one replay follows another, then each reads what the one before has returned, and returns it elsewhere', async () => {
  item = undefined;
  const first = create();
  expect(await first.topics()).toEqual({
    read: ['x-dead-letters', 'x-dead-letters-returned-1'],
    returned: 'x-dead-letters-returned-2',
  });
  await first.advance();
  const second = create();
  expect(await second.topics()).toEqual({
    read: ['x-dead-letters', 'x-dead-letters-returned-2'],
    returned: 'x-dead-letters-returned-1',
  });
  await second.advance();
  expect(await create().topics()).toEqual(await create().topics());
  expect((await create().topics()).returned).toBe('x-dead-letters-returned-2');
});

test('When the store does not answer at first, then it is asked again', async () => {
  item = undefined;
  getState.mockRejectedValueOnce(new SidecarError('down'));
  const generation = create();
  await expect(generation.topics()).rejects.toThrow('down');
  expect((await generation.topics()).read).toHaveLength(2);
});
