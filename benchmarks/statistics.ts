/** Several measurements of one figure. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** @throws {Error} when there is nothing to sum up */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: percentile(sorted, 50), min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

/**
 * The value below which `percent` of the values are, by linear interpolation between the two nearest.
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

/** The first divided by the second, round by round: what slows a machine down for a while slows both. */
export const ratios = (first: readonly number[], second: readonly number[]): number[] =>
  first.slice(0, second.length).map((value, round) => value / (second[round] ?? Number.NaN));
