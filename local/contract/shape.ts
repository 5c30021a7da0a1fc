// Converts observed values into the form that the recording has.
import type { Json, JsonRecord, Step } from './recording';

/** Returns a copy of `value` in which the placeholders that `known` names are replaced by their values. */
export function fillPlaceholders<T>(value: T, known: Record<string, string>): T {
  return replaceIn(value, /\{(\w+)\}/g, (placeholder, name) => known[name] ?? placeholder);
}

/** Returns a copy of `value` with the pattern replaced in each of its strings. */
export function replaceIn<T>(value: T, pattern: RegExp, replacement: (...match: string[]) => string): T {
  if (typeof value === 'string') return value.replace(pattern, replacement) as T;
  if (Array.isArray(value)) return value.map((item) => replaceIn(item, pattern, replacement)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, replaceIn(item, pattern, replacement)]);
  return Object.fromEntries(entries) as T;
}

/**
 * Returns the part of an answer that the step shows: all of it, the members in `pick`, or a list sorted by `sortBy`.
 */
export function select(body: Json, { pick, sortBy }: Step): Json {
  if (body === null || typeof body !== 'object') return body;
  if (sortBy !== undefined && Array.isArray(body)) {
    const key = (item: Json) => String((item as JsonRecord)[sortBy]);
    return body.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  }
  if (!pick || Array.isArray(body)) return body;
  return defined(Object.fromEntries(pick.map((key) => [key, body[key]])));
}

/** Returns Redis' flat lists of names and values as objects: the entries of a stream, or the items of a list. */
export function readable(reply: Json, fields: Step['fields']): Json {
  if (fields === undefined || !Array.isArray(reply)) return reply;
  const asObject = (list: Json[]) =>
    Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1] ?? null]] : [])));
  if (fields === 'list') {
    return reply.map((item) => {
      const { idle: _, inactive: __, ...rest } = asObject(item as Json[]);
      return rest;
    });
  }
  return (reply as [string, Json[]][]).map(([id, values]) => ({ id, fields: parsed(asObject(values)) }));
}

const parsed = (object: JsonRecord): JsonRecord =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      try {
        return [name, JSON.parse(String(value))];
      } catch {
        return [name, value];
      }
    }),
  );

/** Returns the headers except those in `names`. */
export const without = (
  headers: Record<string, string | string[] | undefined>,
  names: ReadonlySet<string>,
): JsonRecord =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined || names.has(name) ? [] : [[name, value]])),
  );

/** Returns the object without its undefined members. */
export const defined = (object: Record<string, Json | undefined>): JsonRecord =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JsonRecord;

/** Returns how often each name occurs. */
export function countBy(names: string[]): JsonRecord {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
