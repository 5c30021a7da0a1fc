import { expect, test } from 'vitest';
import { eventIdOf } from './event-id';

const follow = { follower: 'alice', followee: 'bob' };
const other = { follower: 'carol', followee: 'bob' };
const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('When there is no key, then every id is new, and a UUID of version 8', () => {
  const ids = Array.from({ length: 100 }, () => eventIdOf(follow));
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(UUID_8);
});

test('When a key comes again with the same follow, then the id is the same, and does not show the key', () => {
  const id = eventIdOf(follow, 'order-7');
  expect(eventIdOf({ ...follow }, 'order-7')).toBe(id);
  expect(id).toMatch(UUID_8);
  expect(eventIdOf(follow, 'order-8')).not.toBe(id);
});

test.each([other, { follower: 'alice', followee: 'carol' }, { follower: 'bob', followee: 'alice' }])(
  'When a key comes again with the follow %j, then the id is another one',
  (changed) => {
    expect(eventIdOf(changed, 'order-7')).not.toBe(eventIdOf(follow, 'order-7'));
  },
);

test.each([undefined, 'order-7'])(
  'When an id that was made with the key %j is the key of a repeated request, then the id stays; with another follow it does not',
  (key) => {
    const id = eventIdOf(follow, key);
    expect(eventIdOf(follow, id)).toBe(id);
    expect(eventIdOf(follow, id.toUpperCase())).toBe(id);
    expect(eventIdOf(other, id)).not.toBe(id);
  },
);

test.each(['', 'x', '-'.repeat(255), 'c2f4714a-e1af-4d9f-98df-15ef24967247', '00000000-0000-8000-8000-000000000000'])(
  'When the key is %j, then it is not taken for an id',
  (key) => {
    expect(eventIdOf(follow, key)).toMatch(UUID_8);
    expect(eventIdOf(follow, key)).not.toBe(key);
  },
);
