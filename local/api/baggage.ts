import type { IncomingMessage } from 'node:http';
import { linesOf } from '../http-request';

// https://www.w3.org/TR/baggage/#header-content
const KEY = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[!#-+\--:<-[\]-~]*$/;
const PROPERTY = /^[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*(=[ \t]*[!#-+\--:<-[\]-~]*[ \t]*)?$/;
const ESCAPE = /%(?![0-9a-fA-F]{2}).{0,2}/s;
const MAX_BYTES = 8_192;
const MAX_ERRORS = 5;

/** Returns the baggage of a request; empty if it has none. Several header lines are one list. */
export const baggageOf = ({ headers, rawHeaders }: IncomingMessage): string =>
  headers.baggage === undefined
    ? ''
    : linesOf(rawHeaders)
        .flatMap(([name, value]) => (name === 'baggage' ? [value] : []))
        .join(',');

/** Returns what is wrong with a `baggage` header, with the message of daprd's library; undefined if it is valid. */
export function baggageError(header: string): string | undefined {
  if (header === '') return undefined;
  if (header.length > MAX_BYTES) return `baggage-string too large: ${header.length}`;
  const errors = header.split(',').flatMap((member) => memberError(member) ?? []);
  if (errors.length === 0) return undefined;
  const more = errors.length - MAX_ERRORS;
  return [...errors.slice(0, MAX_ERRORS), ...(more > 0 ? [`and ${more} more invalid member(s)`] : [])].join('\n');
}

function memberError(member: string): string | undefined {
  const [pair = '', ...properties] = member.split(';');
  const wrong = properties.find((property) => !PROPERTY.test(property));
  if (wrong !== undefined) return `invalid baggage list-member property: ${JSON.stringify(wrong)}`;
  const at = pair.indexOf('=');
  if (at < 0) return `invalid baggage list-member: ${JSON.stringify(member)}`;
  const [key, value] = [pair.slice(0, at).trim(), pair.slice(at + 1)];
  if (!KEY.test(key)) return `invalid key: ${JSON.stringify(key)}`;
  if (!VALUE.test(value.trim())) return `invalid value: ${JSON.stringify(value)}`;
  const badEscape = ESCAPE.exec(value.trim())?.[0];
  return badEscape === undefined ? undefined : `invalid value: invalid URL escape ${JSON.stringify(badEscape)}`;
}
