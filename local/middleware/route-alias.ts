import { parse } from 'yaml';
import type { Component } from '../resources/component';
import { ResourceError } from '../resources/document';
import type { Middleware, RequestPath } from './middleware';

interface Alias {
  pattern: RegExp;
  /** The names of the variables in the pattern. */
  names: string[];
  target: string;
}

/**
 * Returns a middleware that gives paths of the API other names. As in daprd, only invocations have aliases.
 * https://docs.dapr.io/reference/components-reference/supported-middleware/middleware-routeralias/
 *
 * @throws {ResourceError} for metadata that is not a map of paths
 */
export function routeAlias(component: Component): Middleware {
  const aliases = readRoutes(component).map(([path, target]) => toAlias(path, target));
  return { block: 'middleware', capabilities: [], path: (given) => rename(given, aliases) };
}

function readRoutes({ file, name, metadata }: Component): [string, string][] {
  const routes = metadata.get('routes') ?? '';
  // The old form has one metadata item for each path.
  if (metadata.size > 1 || routes === '') return [...metadata];
  const fail = (cause?: unknown): never => {
    const allowed = 'a map of paths in JSON or YAML';
    throw new ResourceError(`${file}: component ${name}: metadata routes is ${routes}; allowed: ${allowed}`, { cause });
  };
  let value: unknown;
  try {
    value = parse(routes);
  } catch (error) {
    return fail(error);
  }
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) return fail();
  return Object.entries(value).map(([path, target]) => [path, typeof target === 'string' ? target : fail()]);
}

/** Returns the alias of a path, in which `{name}` stands for one segment and `{name:pattern}` for a regular expression. */
function toAlias(path: string, target: string): Alias {
  const names: string[] = [];
  const parts = path.split(/(\{[^{}]+\})/).map((part, i) => {
    if (i % 2 === 0) return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const [name = '', pattern = '[^/]+'] = part.slice(1, -1).split(/:(.*)/s);
    names.push(name);
    return `(${pattern})`;
  });
  return { pattern: new RegExp(`^${parts.join('')}$`), names, target };
}

function rename(given: RequestPath, aliases: readonly Alias[]): RequestPath {
  for (const { pattern, names, target } of aliases) {
    const values = pattern.exec(given.path)?.slice(1);
    if (!values) continue;
    if (names.length === 0) return { path: target, search: given.search };
    const query = new URLSearchParams(given.search);
    for (const [i, name] of names.entries()) query.append(name, values[i] ?? '');
    query.sort();
    return { path: target, search: query.toString() };
  }
  return given;
}
