import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { foreignPage } from '../foreign-page';
import type { Log } from '../log';
import { printable } from './printable';

/** An error that becomes the answer to the request. `code` is ntfy's error code, if ntfy has one for the error. */
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
  /** The groups of the route's pattern. */
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
  /** Replaces the body. It gets the response after the status and headers are written, and may keep it open. */
  stream?: (response: ServerResponse) => void;
}

export interface InboxRoute {
  methods: readonly string[];
  path: RegExp;
  /** Whether a GET changes something, such as marking a mail as read. */
  changes?: boolean;
  handler: (call: Call) => Answer | Promise<Answer>;
}

export interface HttpOptions {
  /** The first route that matches handles the request. */
  routes: readonly InboxRoute[];
  /** Returns the body of the answer to an error. */
  errorBody: (error: HttpError) => object;
  log: Log;
}

/**
 * Enough for every request: a push has at most 4 KiB, triggers have a few hundred bytes. A list of ids is the longest.
 */
const MAX_BODY_BYTES = 1024 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const TIMEOUT_CHECK_MS = 5_000;

const ON_EVERY_ANSWER = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-dns-prefetch-control': 'off',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Returns an HTTP server that does not listen yet. It refuses requests from web pages of other origins. */
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

async function find(routes: readonly InboxRoute[], req: IncomingMessage): Promise<Answer> {
  const { method = 'GET', headers } = req;
  if ((req.headersDistinct.host?.length ?? 0) > 1) throw new HttpError(400, 'the Host header is given more than once');
  const foreign = foreignPage(headers);
  if (foreign === 'host') throw new HttpError(421, 'the inbox accepts only the hosts localhost, 127.0.0.1 and [::1]');
  const [path = '', search = ''] = (req.url ?? '/').split(/\?(.*)/s);
  const handledAs = method === 'HEAD' ? 'GET' : method;
  const refuseForeign = () => {
    if (foreign) throw new HttpError(403, 'a web page of another origin may not change the inbox', 40301);
  };
  // Another page may link to the inbox, and it cannot read the answer.
  if (handledAs !== 'GET') refuseForeign();
  const allowed: string[] = [];
  for (const route of routes) {
    const match = route.path.exec(path);
    if (!match) continue;
    allowed.push(...route.methods);
    if (!route.methods.includes(handledAs)) continue;
    if (route.changes) refuseForeign();
    const body = await readBody(req);
    const params = match.slice(1).map((param) => param ?? '');
    return route.handler({ params, query: new URLSearchParams(search), headers, body });
  }
  if (allowed.length === 0) throw new HttpError(404, 'page not found', 40401);
  const allow = [...new Set(allowed)].join(', ');
  throw new HttpError(405, `${method} is not allowed here; allowed: ${allow}`, undefined, { allow });
}

/** Resolves with the body. A body that is too long is read to its end, so that the client can receive the answer. */
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

/** Returns the JSON of a body. @throws {HttpError} 400 for invalid JSON */
export function parseJsonBody(body: Buffer, code?: number): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new HttpError(400, 'invalid request: request body must be valid JSON', code);
  }
}
