import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Log } from '../log';
import { printable } from './printable';

/** A request that is answered with an error. `code` is ntfy's, where ntfy has one for the case. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code?: number,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

export interface Call {
  /** What the groups of the route's pattern matched. */
  params: string[];
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: string | Buffer | object;
  /** Instead of a body: takes the response over, its status and headers already written, and keeps it open. */
  stream?: (response: ServerResponse) => void;
}

export interface Route {
  methods: readonly string[];
  path: RegExp;
  handler: (call: Call) => Answer | Promise<Answer>;
}

export interface HttpOptions {
  /** The first that fits is asked. */
  routes: readonly Route[];
  /** How an error looks on the wire. */
  errorBody: (error: HttpError) => object;
  log: Log;
}

/** Every request here is small: a push has 4 KiB, triggers a few hundred bytes, a list of ids the rest. */
const MAX_BODY_BYTES = 1024 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const TIMEOUT_CHECK_MS = 5_000;

/** Names of this machine only: with any other, a web page has pointed its own name here (DNS rebinding). */
const OWN_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;

const ON_EVERY_ANSWER = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** An HTTP server that listens nowhere yet, for callers on this machine: web pages of others are refused. */
export function createHttp({ routes, errorBody, log }: HttpOptions): Server {
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      write(req, res, await find(routes, req));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      write(req, res, { status: error.status, headers: error.headers, body: errorBody(error) });
    }
  }
  const timeouts = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  };
  return createServer(timeouts, (req, res) => {
    answer(req, res).catch((error: unknown) => {
      if (!req.aborted) log.error(printable(`inbox: ${req.method} ${req.url}: ${error}`, 500));
      res.destroy();
    });
  });
}

async function find(routes: readonly Route[], req: IncomingMessage): Promise<Answer> {
  const { method = 'GET', headers } = req;
  const { host = '' } = headers;
  if (!OWN_HOST.test(host)) throw new HttpError(421, 'this inbox answers to localhost, 127.0.0.1 and [::1] only');
  const [path = '', search = ''] = (req.url ?? '/').split(/\?(.*)/s);
  const reads = method === 'HEAD' ? 'GET' : method;
  if (reads !== 'GET' && headers.origin !== undefined && headers.origin !== `http://${host}`) {
    throw new HttpError(403, 'a web page of another origin may not change the inbox', 40301);
  }
  const allowed: string[] = [];
  for (const route of routes) {
    const match = route.path.exec(path);
    if (!match) continue;
    allowed.push(...route.methods);
    if (!route.methods.includes(reads)) continue;
    const body = await readBody(req);
    const params = match.slice(1).map((param) => param ?? '');
    return route.handler({ params, query: new URLSearchParams(search), headers, body });
  }
  if (allowed.length === 0) throw new HttpError(404, 'page not found', 40401);
  const allow = [...new Set(allowed)].join(', ');
  throw new HttpError(405, `${method} is not allowed here; allowed: ${allow}`, undefined, { allow });
}

/** The whole body. One that is too long is read to its end and thrown away, so that the caller hears the answer. */
async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (length <= MAX_BODY_BYTES) return Buffer.concat(chunks);
  throw new HttpError(413, `the body is longer than ${MAX_BODY_BYTES} bytes`, 41303);
}

function write(
  req: IncomingMessage,
  res: ServerResponse,
  { status = 200, headers = {}, body = '', stream }: Answer,
): void {
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const type = isJson ? { 'content-type': 'application/json' } : {};
  const all = { ...ON_EVERY_ANSWER, ...type, ...headers };
  if (stream && req.method !== 'HEAD') {
    res.writeHead(status, all);
    stream(res);
    return;
  }
  const bytes = isJson ? `${JSON.stringify(body)}\n` : body;
  res.writeHead(status, { ...all, 'content-length': Buffer.byteLength(bytes) });
  res.end(req.method === 'HEAD' ? undefined : bytes);
}

/** The JSON in a body. @throws {HttpError} 400 */
export function parseJson(body: Buffer, code?: number): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new HttpError(400, 'invalid request: request body must be valid JSON', code);
  }
}
