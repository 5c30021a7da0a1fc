import { isJsonObject, JsonNumber, type JsonObject, type JsonValue } from '../json/parse';
import type { Rule } from '../resources/subscription';
import { compileCel } from './cel';

/** Returns the path for an event; undefined if no rule matches. @throws {Error} when a rule fails on the event */
export type Router = (event: JsonObject) => string | undefined;

/**
 * Returns a router for routing rules. The first rule that matches wins. A rule fails when the event lacks a field of
 * its expression. As in Dapr, the router then throws and does not try the next rule or the default.
 *
 * @throws {Error} when a rule is not a CEL expression
 */
export function compileRules(rules: readonly Rule[]): Router {
  const compiled = rules.map(({ match, path }) => ({ path, matches: match === '' ? undefined : compileCel(match) }));
  if (compiled.every(({ matches }) => !matches)) return () => compiled[0]?.path;
  return (event) => {
    const variables = { event: toCel(event) };
    return compiled.find(({ matches }) => !matches || isTrue(matches(variables)))?.path;
  };
}

function isTrue(result: unknown): boolean {
  if (typeof result === 'boolean') return result;
  throw new Error('the result of a routing rule is not a boolean');
}

/** Returns a value for CEL. Dapr converts all numbers to doubles. */
function toCel(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(toCel);
  if (isJsonObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toCel(member)]));
  return value;
}
