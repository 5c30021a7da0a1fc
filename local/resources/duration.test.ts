import { expect, test } from 'vitest';
import { parseDurationMs } from './duration';

test.each([
  ['500ms', 500],
  ['5s', 5_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['250', 250],
  ['-1s', -1_000],
  ['100us', 0.1],
])('When a duration is %s, then it is %d ms', (text, ms) => {
  expect(parseDurationMs(text)).toBeCloseTo(ms);
});

test.each(['', 's', '5 s', '5d', 'five', '1s2', '--1s'])('When a duration is %j, then it is invalid', (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});
