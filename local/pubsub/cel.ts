import type { ASTNode } from '@marcbachmann/cel-js';
import type { RE2JS } from 're2js';
import { loaded } from '../loaded';

/** Returns the value of an expression. @throws {Error} when a variable has no such member, or a pattern is invalid */
export type CelExpression = (variables: Record<string, unknown>) => unknown;

const RE2_MATCHES = 'matchesRe2';
const patterns = new Map<string, RE2JS>();
/** An app may send patterns in its events, so that the number of patterns has no limit. */
const MAX_PATTERNS = 1_000;

/** The libraries are loaded with the first expression, because most apps have none. */
const cel = loaded(() => {
  const { Environment, parse, serialize } = require('@marcbachmann/cel-js') as typeof import('@marcbachmann/cel-js');
  const environment = new Environment({ unlistedVariablesAreDyn: true })
    .registerFunction(`string.${RE2_MATCHES}(string): bool`, matches)
    .registerFunction('matches(string, string): bool', matches);
  return { environment, parse, serialize };
});
const re2 = loaded(() => (require('re2js') as typeof import('re2js')).RE2JS);

/** Returns an expression with the functions of the library. @throws {Error} for an invalid expression */
export const parseCel = (text: string): ReturnType<typeof import('@marcbachmann/cel-js').parse> => cel().parse(text);

/**
 * Returns the expression of a routing rule. In Dapr, `matches` has the syntax of RE2. The library has JavaScript's, and
 * does not replace its own functions, so calls of the method `matches` get another name.
 *
 * @throws {Error} for an invalid expression
 */
export function compileCel(text: string): CelExpression {
  const { environment, parse, serialize } = cel();
  const { ast } = parse(text);
  return rename(ast) ? environment.parse(serialize(ast)) : environment.parse(text);
}

function matches(text: string, pattern: string): boolean {
  let compiled = patterns.get(pattern);
  if (!compiled) {
    compiled = re2().compile(pattern);
    if (patterns.size >= MAX_PATTERNS) patterns.clear();
    patterns.set(pattern, compiled);
  }
  return compiled.matcher(text).find();
}

/** Renames each call of the method `matches` in an expression. Returns whether there is one. */
function rename(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node)) return node.map(rename).some(Boolean);
  const { op, args } = node as ASTNode & { args: unknown[] };
  const isCall = op === 'rcall' && args[0] === 'matches';
  if (isCall) args[0] = RE2_MATCHES;
  return rename(args) || isCall;
}
