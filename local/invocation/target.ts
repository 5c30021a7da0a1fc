import type { IncomingHttpHeaders } from 'node:http';
import { posix } from 'node:path';

/** The target of an invocation: an app id or an http(s) URL, and the decoded path without a leading slash. */
export interface Target {
  id: string;
  method: string;
}

/**
 * Returns the target of a call. The header `dapr-app-id`, the user `dapr-app-id` of a URL or the path
 * `/v1.0/invoke/{id}/method/{method}` names it. Returns undefined if the call has no target.
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

/** Returns a path without `.`, `..` and slashes at its ends. */
const clean = (path: string) => posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');

/** Returns the path of a route as Dapr sends it. The query after a `?` is unchanged. */
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

/**
 * Returns an escaped path.
 *
 * @throws {Error} for an invalid path, with Go's message
 */
export function escapeMethod(method: string, base: string): string {
  if (/[#?\0]/.test(method)) throw invalidMethod(`method contains forbidden character: ${goQuote(method)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: daprd refuses these characters
  const control = /[\x01-\x1f\x7f]/.exec(method);
  if (control) {
    const position = Buffer.byteLength(method.slice(0, control.index));
    throw invalidMethod(`method contains control character at position ${position}: ${goQuote(method)}`);
  }
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(method)?.[0];
  if (wrong) throw new Error(`parse "${base}/${method}": invalid URL escape "${wrong}"`);
  return `/${escapePath(method)}`;
}

/** Returns a path as Go sends it: unchanged if it has only allowed characters, or else unescaped and escaped again. */
function escapePath(path: string): string {
  if (/^[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]%]*$/.test(path)) return path;
  const bytes = Buffer.from(path).toString('latin1');
  const unescaped = bytes.replace(/%(..)/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  const escaped = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  return unescaped.replace(/[^A-Za-z0-9\-._~$&+,/:;=@]/g, escaped);
}

const invalidMethod = (reason: string) =>
  new Error(`rpc error: code = InvalidArgument desc = invalid method: ${reason}`);

/** Returns a text in quotes, with the escapes of Go. */
const goQuote = (text: string): string => JSON.stringify(text).replace(/\\u00(..)/g, '\\x$1');
