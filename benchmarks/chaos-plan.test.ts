import { expect, test } from 'vitest';
import { describe, planOf } from './chaos-plan';

test('When the seed is the same, then the faults are the same; another seed gives others', () => {
  expect(planOf('7', 12)).toEqual(planOf('7', 12));
  expect(planOf('7', 12)).toHaveLength(12);
  expect(planOf('7', 12)).not.toEqual(planOf('8', 12));
});

test('When a run is longer, then it begins as the shorter one', () => {
  expect(planOf('7', 12).slice(0, 5)).toEqual(planOf('7', 5));
});

test('When many seeds are drawn, then every kind of fault strikes every kind of service', () => {
  const lines = Array.from({ length: 40 }, (_, seed) => planOf(String(seed), 10)).flat();
  const kinds = new Set(lines.map((fault) => ('service' in fault ? `${fault.kind} ${fault.service}` : fault.kind)));
  expect(kinds.size).toBe(3 * 3 + 2 + 1 + 1);
});

test('When a fault is told of, then in one line that says whom it strikes', () => {
  expect(describe({ kind: 'kill Redis', backAfterMs: 20 })).toBe('kill Redis, back after 20 ms');
  expect(describe({ kind: 'kill both', service: 'api-facade' })).toBe('kill both: api-facade');
  expect(
    describe({
      kind: 'servers refuse',
      faults: { mail: { code: 451, percent: 30 }, push: { code: 503, percent: 20 } },
    }),
  ).toBe('servers refuse: 30 % of the mails with 451, 20 % of the push messages with 503');
});
