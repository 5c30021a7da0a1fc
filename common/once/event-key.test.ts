import { expect, test } from 'vitest';
import { eventKey } from './event-key';

test.each([
  ['c2f4714a-e1af-4d9f-98df-15ef24967247', 'c2f4714a-e1af-4d9f-98df-15ef24967247'],
  ['a||b', undefined],
  ['<a@b>', undefined],
])('When an event has the id %j, then its key has only letters, digits and hyphens', (id, expected) => {
  expect(eventKey(id)).toMatch(/^[A-Za-z0-9-]{1,64}$/);
  if (id === expected) expect(eventKey(id)).toBe(id);
  else expect(eventKey(id)).not.toBe(eventKey(`${id}x`));
});
