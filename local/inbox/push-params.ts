import type { Call } from './http';
import { decodeHeader } from './rfc2047';

/** Returns the value of the first of these names that has one; empty without one. The names are in lower case. */
export type ReadParam = (...names: string[]) => string;

/**
 * Returns a reader of ntfy's parameters, which are headers or query parameters. A header comes before a query
 * parameter. The case of names is ignored.
 */
export function paramReader({ headers, query }: Pick<Call, 'headers' | 'query'>): ReadParam {
  const inQuery = new Map<string, string>();
  for (const [name, value] of query) {
    const key = name.toLowerCase();
    if (!inQuery.get(key)) inQuery.set(key, value.trim());
  }
  const inHeader = (name: string): string => {
    const value = headers[name];
    const text = typeof value === 'string' ? decodeHeader(value).trim() : '';
    // The header `Priority` of RFC 9218, with values such as `u=3`, is not ntfy's.
    return name === 'priority' && /^u=\d(?:,\s*(?:i|\d))?$/.test(text) ? '' : text;
  };
  return (...names) => names.map(inHeader).find(Boolean) ?? names.map((name) => inQuery.get(name)).find(Boolean) ?? '';
}

/** Returns whether a parameter is on. As in ntfy, every other text is off. */
export const isOn = (text: string): boolean => ['1', 'yes', 'true'].includes(text.toLowerCase());

const PRIORITIES: Record<string, number> = { min: 1, low: 2, default: 3, high: 4, max: 5, urgent: 5 };

/** Returns the number of a priority, or undefined if the text is no priority. */
export const parsePriority = (text: string): number | undefined =>
  /^[1-5]$/.test(text) ? Number(text) : PRIORITIES[text.toLowerCase()];
