import querystring from 'node:querystring';
import type { Request } from 'express';
import { type Follow, parseFollow } from '../common/follow';

const NAMED = /follow(?:er|ee)(?!s)/i;
/** A value such as `{"follower":"carol"}` or `follower=carol`. */
const ASSIGNED = /follow(?:er|ee)["'\]]*\s*[:=]/i;

/**
 * Returns the part of a request, other than its body, that names `follower` or `followee`: 'The query', 'A header' or
 * 'A cookie'. Nothing reads these parts, so the follow would be about other people than the client means. Returns
 * undefined when no part names them.
 */
export function namedElsewhere(req: Request): string | undefined {
  const { cookie = '', ...headers } = req.headers;
  if (queryOf(req).some(([name, value]) => NAMED.test(name) || ASSIGNED.test(value))) return 'The query';
  if (NAMED.test(Object.keys(headers).join(' '))) return 'A header';
  return ASSIGNED.test(querystring.unescape(cookie)) ? 'A cookie' : undefined;
}

const EXAMPLE: Follow = { follower: 'carol', followee: 'dave' };

/** Returns the command that posts a follow to this service: the follow in the query, if there is one, or an example. */
export function curlFor(req: Request): string {
  // A Host header may have any text. One that is unusual is not worth repeating.
  const [host] = /^[\w.-]{1,100}(:\d+)?$|^\[[\da-f:]{2,39}\](:\d+)?$/i.exec(req.headers.host ?? '') ?? [];
  const body = JSON.stringify(followIn(Object.fromEntries(queryOf(req))))
    .replaceAll(':', ': ')
    .replace(',', ', ');
  // A gateway that ends TLS says so in this header.
  const scheme = host && req.headers['x-forwarded-proto'] === 'https' ? 'https://' : '';
  return `curl -X POST ${scheme}${host ?? 'localhost:8080'}/followers -H 'content-type: application/json' -d '${body}'`;
}

function followIn(query: Record<string, string>): Follow {
  try {
    return parseFollow(query);
  } catch {
    return EXAMPLE;
  }
}

/** The names and values of the query, decoded. */
const queryOf = (req: Request): [string, string][] => [...new URLSearchParams(req.originalUrl.split(/\?(.*)/s)[1])];
