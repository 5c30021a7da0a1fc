import type { IncomingHttpHeaders } from 'node:http';
import { posix } from 'node:path';

/** What an invocation is for: an app id or an http(s) URL, and the path there, decoded, without a leading slash. */
export interface Target {
  id: string;
  method: string;
}

/**
 * The app that a call is for: named by the header `dapr-app-id`, by the user `dapr-app-id` of a URL, or by the path
 * `/v1.0/invoke/{id}/method/{method}`. Undefined when the call names none.
 */
export function readTarget(path: string, headers: IncomingHttpHeaders): Target | undefined {
  const decoded = decodeURIComponent(path);
  const named = headers['dapr-app-id'];
  if (typeof named === 'string' && named !== '') return { id: named, method: clean(decoded) };
  const user = basicUser(headers.authorization);
  if (user) return { id: user, method: clean(decoded) };
  const [, id = '', method = ''] = /^\/+v1\.0\/+invoke\/+(.+?)\/method\/(.*)$/s.exec(decoded) ?? [];
  return id === '' ? undefined : { id: decodeId(id), method: clean(method) };
}

/** `.` and `..` resolved, nothing above the root, no slash at either end. */
const clean = (path: string) => posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');

/** The path of an app as Dapr sends it, whatever a subscription's route looks like. What follows a `?` is left alone. */
export function normalizePath(route: string): string {
  const at = route.indexOf('?');
  const [path, query] = at < 0 ? [route, ''] : [route.slice(0, at), route.slice(at)];
  return escapeMethod(clean(path), '') + query;
}

function basicUser(authorization: string | undefined): string | undefined {
  const [, base64 = ''] = /^Basic (.+)$/.exec(authorization ?? '') ?? [];
  const [user = '', id = '', ...more] = Buffer.from(base64, 'base64').toString('utf8').split(':');
  return user.toLowerCase() === 'dapr-app-id' && more.length === 0 ? id : undefined;
}

function decodeId(id: string): string {
  try {
    return decodeURIComponent(id.replaceAll('+', ' '));
  } catch {
    return id;
  }
}

/** The path to send, escaped where it must be. An escape that came through decoding stays one. @throws {Error} in Go's words */
export function escapeMethod(method: string, base: string): string {
  const forbidden = /[#?\0]/.test(method);
  if (forbidden) {
    const quoted = JSON.stringify(method);
    throw new Error(
      `rpc error: code = InvalidArgument desc = invalid method: method contains forbidden character: ${quoted}`,
    );
  }
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(method)?.[0];
  if (wrong) throw new Error(`parse "${base}/${method}": invalid URL escape "${wrong}"`);
  return `/${method.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, encodeURIComponent)}`;
}
