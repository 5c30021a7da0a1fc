import { expect, test } from 'vitest';
import { percentile, ratios, spread } from './statistics';

test('When the spread of values is calculated, then their order does not matter', () => {
  expect(spread([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spread([9, 10, 100])).toEqual({ median: 10, min: 9, max: 100 }); // sorted as numbers, not as strings
});

test('When a percentile lies between two values, then it is interpolated', () => {
  const values = Array.from({ length: 101 }, (_, i) => 100 - i);
  expect([0, 50, 95, 99, 100].map((percent) => percentile(values, percent))).toEqual([0, 50, 95, 99, 100]);
  expect(percentile([1, 2], 75)).toBe(1.75);
});

test('When there are no values, then their spread is an error and not zero', () => {
  expect(() => spread([])).toThrow('no values');
});

test('When two series are compared, then each round is compared with the same round', () => {
  expect(ratios([10, 40], [5, 10])).toEqual([2, 4]);
});
