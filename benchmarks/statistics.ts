/** Several measurements of one figure. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/**
 * Returns the median, the lowest and the highest value.
 *
 * @throws {Error} when there are no values
 */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: percentile(sorted, 50), min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

/**
 * Returns the value below which `percent` of the values lie. Interpolates linearly between the two nearest values.
 *
 * @throws {Error} when there are no values
 */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error('no values');
  const sorted = values.toSorted((a, b) => a - b);
  const at = ((sorted.length - 1) * percent) / 100;
  const [low = 0, high = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Returns the first divided by the second, round by round. A disturbance on the machine affects both values of a round,
 * so that it hardly changes their ratio.
 */
export const ratios = (first: readonly number[], second: readonly number[]): number[] =>
  first.slice(0, second.length).map((value, round) => value / (second[round] ?? Number.NaN));
