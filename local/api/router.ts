import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Log } from '../log';
import { ApiError, noSuchPath } from './errors';

/** A call to the API, its body read. */
export interface ApiRequest {
  method: string;
  /** The path below the route's prefix, still percent-encoded. */
  rest: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
}

export interface ApiAnswer {
  status: number;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

export type Handler = (request: ApiRequest) => Promise<ApiAnswer> | ApiAnswer;

/** Some methods on the paths that begin with a prefix. The longest prefix that fits a path is asked first. */
export interface Route {
  methods: readonly string[];
  prefix: string;
  handler: Handler;
  /** What a body over the limit is answered with. */
  tooLarge?: (request: { rest: string }) => ApiError;
}

export interface ApiOptions {
  routes: readonly Route[];
  /** The `DAPR_API_TOKEN` that every call but the health checks must carry. */
  token: string | undefined;
  maxBodyBytes: number;
  log: Log;
}

export const noContent: ApiAnswer = { status: 204 };

export const json = (status: number, body: string | object, headers: Record<string, string> = {}): ApiAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** The HTTP server of the Dapr API. It listens nowhere yet. */
export function createApi({ routes, token, maxBodyBytes, log }: ApiOptions): Server {
  const byLength = [...routes].sort((a, b) => b.prefix.length - a.prefix.length);
  const isAllowed = tokenCheck(token);
  const server = createServer((req, res) => {
    void answer(req, res).catch((error) => {
      log.error(`${req.method} ${req.url}: ${error}`);
      res.destroy();
    });
  });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = req;
    const [path = '', search = ''] = splitOnce(url, '?');
    if (!path.startsWith('/v1.0/healthz') && !isAllowed(req.headers['dapr-api-token'])) {
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
      return write(res, { status: 401, headers, body: 'invalid api token\n' });
    }
    const left = new AbortController();
    res.once('close', () => left.abort());
    try {
      const candidates = byLength.filter((route) => path.startsWith(route.prefix) && route.methods.includes(method));
      for (const { prefix, handler, tooLarge } of candidates) {
        const rest = path.slice(prefix.length);
        const body = await readBody(req, maxBodyBytes);
        if (body === undefined) throw tooLarge?.({ rest }) ?? new ApiError(413, 'ERR_BODY_TOO_LARGE', 'body too large');
        const { headers, rawHeaders } = req;
        const query = new URLSearchParams(search);
        return write(res, await handler({ method, rest, query, headers, rawHeaders, body, signal: left.signal }));
      }
      throw noSuchPath();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      write(res, json(error.status, error.body), method === 'HEAD');
    }
  }
  return server;
}

function write(res: ServerResponse, { status, headers = {}, body = '' }: ApiAnswer, withoutBody = false): void {
  res.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': String(Buffer.byteLength(body)) }) });
  res.end(withoutBody ? undefined : body);
}

/** The whole body, or undefined when it is longer than `limit`; then the rest is read and thrown away. */
function readBody(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
    });
    req.on('end', () => resolve(length <= limit ? Buffer.concat(chunks) : undefined));
    req.on('error', reject);
    req.on('aborted', () => reject(new Error('the caller left before its request was complete')));
  });
}

function tokenCheck(token: string | undefined): (given: string | string[] | undefined) => boolean {
  if (token === undefined || token === '') return () => true;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return (given) => typeof given === 'string' && timingSafeEqual(digest(given), expected);
}

export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
