import { parse } from '@marcbachmann/cel-js';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue } from '../json/parse';
import type { Rule } from '../resources/subscription';

/** The path of the app that an event goes to, or undefined when no rule wants it. @throws {Error} when a rule fails on it */
export type Router = (event: JsonObject) => string | undefined;

/**
 * Compiles routing rules; the first that matches wins. A rule that fails, because the event lacks what it looks at,
 * fails the event as a whole: as in Dapr, neither the next rule nor the default gets it.
 *
 * @throws {Error} when a rule is not a CEL expression
 */
export function compileRules(rules: readonly Rule[]): Router {
  const compiled = rules.map(({ match, path }) => ({ path, matches: match === '' ? undefined : parse(match) }));
  if (compiled.every(({ matches }) => !matches)) return () => compiled[0]?.path;
  return (event) => {
    const variables = { event: toCel(event) };
    return compiled.find(({ matches }) => !matches || isTrue(matches(variables)))?.path;
  };
}

function isTrue(result: unknown): boolean {
  if (typeof result === 'boolean') return result;
  throw new Error('a routing rule is neither true nor false');
}

/** Dapr hands numbers to CEL as doubles, whatever they look like. */
function toCel(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(toCel);
  if (isJsonObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toCel(member)]));
  return value;
}
