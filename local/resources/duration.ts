const UNIT_MS: Record<string, number> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};

/**
 * Returns the milliseconds of a duration in Dapr's format: Go's `1m30s`, or a number of milliseconds. Returns undefined
 * for an invalid duration.
 */
export function parseDurationMs(text: string): number | undefined {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (!/^-?(?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|us|µs|ns|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(h|ms|m|us|µs|ns|s)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return text.startsWith('-') ? -total : total;
}
