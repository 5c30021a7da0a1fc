import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Log } from '../log';
import type { TraceContext, Tracing } from '../tracing';
import { ApiError, noSuchPath } from './errors';

/** A call to the API, with its complete body. */
export interface ApiRequest {
  method: string;
  /** The path as it was sent, without the query. */
  path: string;
  search: string;
  /** The decoded parts of the path that the pattern of the route names. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The caller's trace context, or a new one. */
  trace: TraceContext;
  /** Aborted when the caller disconnects. */
  signal: AbortSignal;
}

export interface ApiAnswer {
  status: number;
  headers?: Record<string, string | string[] | undefined>;
  body?: string | Buffer;
}

export type Handler = (request: ApiRequest) => Promise<ApiAnswer> | ApiAnswer;

export interface ApiRoute {
  methods: readonly string[];
  /** A path. `:name` matches one segment, and a final `*name` matches all remaining segments. Undefined: any path. */
  pattern: string | undefined;
  handler: Handler;
  /** Returns the error for a body over the limit. */
  tooLarge?: (params: Record<string, string>) => ApiError;
}

export interface ApiOptions {
  /** The first route that matches handles the request. */
  routes: readonly ApiRoute[];
  /** Returns whether a call has the required token. Health checks are always allowed. */
  isAllowed: (headers: IncomingHttpHeaders) => boolean;
  /** Returns the error for a call that is refused whatever its token and path are; undefined for all others. */
  refusal: (headers: IncomingHttpHeaders) => ApiError | undefined;
  tracing: Tracing;
  maxBodyBytes: number;
  log: Log;
}

export const noContent: ApiAnswer = { status: 204 };

export const json = (
  status: number,
  body: string | Buffer | object,
  headers: ApiAnswer['headers'] = {},
): ApiAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
});

const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };

/** Returns the HTTP server of the Dapr API. It does not listen yet. */
export function createApi({ routes, isAllowed, refusal, tracing, maxBodyBytes, log }: ApiOptions): Server {
  const compiled = routes.map((route) => ({ ...route, match: compile(route.pattern) }));

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = req;
    const [path, search] = splitOnce(url, '?');
    const segments = cleanSegments(path);
    if (!segments)
      return write(req, res, {
        status: 400,
        headers: { 'content-type': PLAIN['content-type'] },
        body: '400 Bad Request',
      });
    const isHealthCheck = segments[0] === 'v1.0' && segments[1] === 'healthz';
    const trace = tracing.request(header(headers.traceparent), header(headers.tracestate));
    const reply = (given: ApiAnswer) => {
      const traced = isHealthCheck ? {} : tracing.responseHeaders(trace);
      write(req, res, { ...given, headers: { ...traced, ...given.headers } });
    };
    const refused = refusal(headers);
    if (refused) return reply(json(refused.status, refused.body));
    if (!isHealthCheck && !isAllowed(headers)) {
      return reply({ status: 401, headers: PLAIN, body: 'invalid api token\n' });
    }
    const disconnected = new AbortController();
    // An abort creates a stack trace, so it is avoided when the caller has the complete answer.
    res.once('close', () => res.writableFinished || disconnected.abort());
    try {
      for (const { methods, match, handler, tooLarge } of compiled) {
        const params = methods.length === 0 || methods.includes(method) ? match(segments) : undefined;
        if (!params) continue;
        const body = await readBody(req, maxBodyBytes);
        if (!body) throw tooLarge?.(params) ?? new ApiError(413, 'ERR_BODY_TOO_LARGE', 'stream too large');
        const query = new URLSearchParams(search);
        const request = { method, path, search, params, query, headers, body, trace, signal: disconnected.signal };
        return reply(await handler(request));
      }
      throw noSuchPath();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      reply(json(error.status, error.body));
    }
  }

  // As with daprd, only the client closes an idle connection. Otherwise the server could close a connection at the
  // moment when the client sends its next request.
  return createServer({ keepAliveTimeout: 0 }, (req, res) => {
    answer(req, res).catch((error) => {
      if (!req.aborted) log.error(`${req.method} ${req.url}: ${error}`);
      res.destroy();
    });
  });
}

function write({ method }: IncomingMessage, res: ServerResponse, { status, headers = {}, body = '' }: ApiAnswer): void {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  const length = status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  res.writeHead(status, { ...Object.fromEntries(given), ...length });
  res.end(method === 'HEAD' ? undefined : body);
}

/** Resolves with the body; undefined if it is longer than `limit`. A long body is read to its end and discarded. */
function readBody(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else chunks.length = 0;
    });
    req.on('end', () => resolve(length <= limit ? Buffer.concat(chunks) : undefined));
    req.on('error', reject);
  });
}

/** Returns a function that checks whether a header is the expected token. It takes constant time. */
export function tokenCheck(expected: string): (given: string | string[] | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expectedDigest = digest(expected);
  return (given) => typeof given === 'string' && timingSafeEqual(digest(given), expectedDigest);
}

/** Returns the decoded segments of a path without empty, `.` and `..` segments; undefined for an invalid escape. */
function cleanSegments(path: string): string[] | undefined {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      segments.pop();
      continue;
    }
    const decoded = decode(segment);
    if (decoded === undefined) return undefined;
    segments.push(decoded);
  }
  return segments;
}

function decode(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

type Match = (segments: readonly string[]) => Record<string, string> | undefined;

function compile(pattern: string | undefined): Match {
  if (pattern === undefined) return () => ({});
  const parts = pattern.split('/');
  const rest = parts.at(-1)?.startsWith('*') ? parts.pop()?.slice(1) : undefined;
  return (segments) => {
    if (rest === undefined ? segments.length !== parts.length : segments.length <= parts.length) return undefined;
    const params: Record<string, string> = {};
    for (const [i, part] of parts.entries()) {
      const segment = segments[i] ?? '';
      if (part.startsWith(':')) params[part.slice(1)] = segment;
      else if (part !== segment) return undefined;
    }
    if (rest !== undefined) params[rest] = segments.slice(parts.length).join('/');
    return params;
  };
}

/** Returns the text before and after the first separator. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Returns the value of a header; empty if it is missing or repeated. */
export const header = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');

/** Returns the query parameters `metadata.NAME` as a map by NAME. The first value of a name counts. */
export function metadataOf(query: URLSearchParams): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const [name, value] of query) {
    const key = name.startsWith('metadata.') ? name.slice('metadata.'.length) : undefined;
    if (key !== undefined && !metadata.has(key)) metadata.set(key, value);
  }
  return metadata;
}
