import type { IncomingMessage } from 'node:http';

/** Returns the headers of an answer for browsers, and whether the request only asks for them. */
export type Cors = (request: IncomingMessage) => { headers: Record<string, string | string[]>; isPreflight: boolean };

const METHODS = new Set(['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const VARY = ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers'];

/**
 * Returns the check of daprd's flag `--allowed-origins`: origins with commas between them. `*` stands for any text.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function allowOrigins(allowedOrigins: string): Cors {
  const allowed = allowedOrigins.split(',').map((origin) => origin.trim().toLowerCase());
  const isAny = allowed.includes('*');
  const patterns = allowed.map((origin) => new RegExp(`^${origin.split('*').map(escapeRegExp).join('.*')}$`));
  return ({ method = '', headers }) => {
    const asked = headers['access-control-request-method'];
    const isPreflight = method === 'OPTIONS' && asked !== undefined;
    const { origin = '' } = headers;
    const isOrigin = origin !== '' && (isAny || patterns.some((pattern) => pattern.test(origin.toLowerCase())));
    const isAllowed = isOrigin && METHODS.has(String(asked && isPreflight ? asked : method).toUpperCase());
    const names = [headers['access-control-request-headers'] ?? []].flat().join(',');
    return {
      isPreflight,
      headers: {
        vary: isPreflight ? VARY : 'Origin',
        ...(isAllowed && { 'access-control-allow-origin': isAny ? '*' : origin }),
        ...(isAllowed && isPreflight && { 'access-control-allow-methods': asked.toUpperCase() }),
        ...(isAllowed && isPreflight && names !== '' && { 'access-control-allow-headers': canonical(names) }),
      },
    };
  };
}

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** Returns a list of header names as Go writes it: `Content-Type, X-A`. */
const canonical = (names: string): string =>
  names
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
    .map((name) => name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase()))
    .join(', ');
