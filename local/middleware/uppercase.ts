import type { Component } from '../resources/component';
import type { Middleware } from './middleware';

/** Returns the middleware of daprd that shows how a pipeline works: it writes the request, the answer or both in upper case. */
export function uppercase({ metadata }: Component): Middleware {
  const direction = (metadata.get('direction') ?? '').toLowerCase();
  const middleware: Middleware = { block: 'middleware', capabilities: [] };
  if (direction !== 'response') middleware.request = toUpper;
  if (direction === 'response' || direction === 'both') middleware.answer = toUpper;
  return middleware;
}

/** Returns a text in upper case. As in Go, a character stays if more than one would replace it. */
const toUpper = (text: string): string =>
  [...text].map((char) => ([...char.toUpperCase()].length === 1 ? char.toUpperCase() : char)).join('');
