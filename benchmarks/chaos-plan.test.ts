import { expect, test } from 'vitest';
import { describeFault, planOf } from './chaos-plan';

test('When the seed is the same, then the faults are the same; another seed gives other faults', () => {
  expect(planOf('7', 12)).toEqual(planOf('7', 12));
  expect(planOf('7', 12)).toHaveLength(12);
  expect(planOf('7', 12)).not.toEqual(planOf('8', 12));
});

test('When a run has more faults, then it begins with the faults of the shorter run', () => {
  expect(planOf('7', 12).slice(0, 5)).toEqual(planOf('7', 5));
});

test('When many seeds are drawn, then every kind of fault occurs, on every service that it can affect', () => {
  const lines = Array.from({ length: 40 }, (_, seed) => planOf(String(seed), 10)).flat();
  const kinds = new Set(lines.map((fault) => ('service' in fault ? `${fault.kind} ${fault.service}` : fault.kind)));
  expect(kinds.size).toBe(3 * 3 + 2 + 1 + 1 + 4);
});

test('When a fault is described, then one line names the fault and its target', () => {
  expect(describeFault({ kind: 'kill Redis', backAfterMs: 20 })).toBe('kill Redis, back after 20 ms');
  expect(describeFault({ kind: 'kill both', service: 'api-facade' })).toBe('kill both: api-facade');
  expect(
    describeFault({
      kind: 'servers refuse',
      faults: { mail: { code: 451, percent: 30 }, push: { code: 503, percent: 20 } },
    }),
  ).toBe('servers refuse: 30 % of the mails with 451, 20 % of the push messages with 503');
});
