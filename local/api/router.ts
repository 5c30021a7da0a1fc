import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { type HeaderLine, linesOf } from '../http-request';
import type { Log } from '../log';
import { bodyThrough, NO_PIPELINE, type Pipeline, pathThrough } from '../middleware/middleware';
import type { TraceContext, Tracing } from '../tracing';
import { type ApiAnswer, writeAnswer } from './answer';
import { baggageError, baggageOf } from './baggage';
import type { Cors } from './cors';
import { ApiError, noSuchPath } from './errors';
import { createHttpServer } from './http-server';
import { cleanSegments, compile } from './path-pattern';
import { limited, readBody } from './request-body';

/** A call to the API. */
export interface ApiRequest {
  method: string;
  /** The path as it was sent, without the query. */
  path: string;
  search: string;
  /** The decoded parts of the path that the pattern of the route names. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** The header lines, with names in lower case. A header may have several lines. */
  lines: HeaderLine[];
  /** The complete body, or the parts of a chunked body if the route has `streams`. */
  body: Buffer | Readable;
  /** The caller's trace context, or a new one. */
  trace: TraceContext;
  /** Aborted when the caller disconnects. */
  signal: AbortSignal;
  /** Answers before the handler returns. Resolves when the caller has the complete answer. */
  respond: (answer: ApiAnswer) => Promise<void>;
}

/** A call to the API with its complete body. */
export type ApiRequestInFull = ApiRequest & { body: Buffer };

/** Returns the answer; undefined if it has called `respond`. */
type AnyHandler<R> = (request: R) => Promise<ApiAnswer | undefined> | ApiAnswer | undefined;
export type Handler = AnyHandler<ApiRequestInFull>;

/** A path of the API. With `streams`, the handler gets a chunked body as a stream. */
export type ApiRoute = Route &
  ({ streams?: false; handler: Handler } | { streams: true; handler: AnyHandler<ApiRequest> });

interface Route {
  methods: readonly string[];
  /** A path. `:name` matches one segment, and a final `*name` matches all remaining segments. Undefined: any path. */
  pattern: string | undefined;
  /** Returns the error for a body over the limit. */
  tooLarge?: (params: Record<string, string>, request: Pick<ApiRequest, 'path' | 'headers'>) => ApiError;
}

export interface ApiOptions {
  /** The first route that matches handles the request. */
  routes: readonly ApiRoute[];
  /** Returns whether a call has the required token. Health checks are always allowed. */
  isAllowed: (headers: IncomingHttpHeaders) => boolean;
  /** Returns the error for a call that is refused whatever its token and path are; undefined for all others. */
  refusal?: ((headers: IncomingHttpHeaders) => ApiError | undefined) | undefined;
  /** Returns the headers that browsers need. Undefined: no other origin may use the API. */
  cors?: Cors | undefined;
  /**
   * Whether a request is an invocation from another sidecar. It is for the app: the middlewares and the access rules of
   * the API are not for it.
   */
  isFromSidecar?: (headers: IncomingHttpHeaders) => boolean;
  /** Whether the access rules allow a route. Default: all are allowed. */
  isOpen?: (route: ApiRoute) => boolean;
  /** The middlewares of the API. Default: none. */
  pipeline?: Pipeline;
  /** The answer to a path without a route. Default: daprd's, which treats it as an invocation without an app id. */
  noRoute?: ApiAnswer;
  tracing: Tracing;
  maxBodyBytes: number;
  /** The limit for the headers of an answer of the app. daprd accepts requests with 4 KiB more. */
  maxHeaderBytes: number;
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

/** Go's server accepts this many bytes more than its limit for headers. */
const SLOP_BYTES = 4_096;
export const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };

/** Returns the HTTP server of the Dapr API. It does not listen yet. */
export function createApi(options: ApiOptions): Server {
  const {
    routes,
    isAllowed,
    refusal,
    cors,
    noRoute,
    isFromSidecar = () => false,
    isOpen = () => true,
    pipeline: ownPipeline = NO_PIPELINE,
    tracing,
    maxBodyBytes,
    maxHeaderBytes,
    log,
  } = options;
  const compiled = routes.map((route) => ({ ...route, match: compile(route.pattern) }));
  const open = compiled.filter(isOpen);

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = req;
    const [path, search] = splitOnce(url, '?');
    const segments = cleanSegments(path);
    if (!segments)
      return writeAnswer(req, res, {
        status: 400,
        headers: { 'content-type': PLAIN['content-type'] },
        body: '400 Bad Request',
      });
    const isHealthCheck = segments[0] === 'v1.0' && segments[1] === 'healthz';
    const trace = tracing.request(header(headers.traceparent), header(headers.tracestate));
    const baggage = isHealthCheck || !tracing.isOn ? '' : baggageOf(req);
    const reply = (given: ApiAnswer) => {
      const traced = isHealthCheck ? {} : tracing.responseHeaders(trace);
      return writeAnswer(req, res, {
        ...given,
        headers: { ...traced, ...(baggage !== '' && { baggage }), ...given.headers },
      });
    };
    const refused = refusal?.(headers);
    if (refused) return reply(json(refused.status, refused.body));
    const badBaggage = baggageError(baggage);
    if (badBaggage !== undefined) {
      return writeAnswer(req, res, { status: 400, headers: PLAIN, body: `invalid baggage header: ${badBaggage}\n` });
    }
    const forBrowser = cors?.(req);
    for (const [name, value] of Object.entries(forBrowser?.headers ?? {})) res.setHeader(name, value);
    if (forBrowser?.isPreflight) return reply({ status: 200 });
    if (!isHealthCheck && !isAllowed(headers)) {
      return reply({ status: 401, headers: PLAIN, body: 'invalid api token\n' });
    }
    const isInner = isFromSidecar(headers);
    const pipeline = isInner ? NO_PIPELINE : ownPipeline;
    const throughPipeline = (given: ApiAnswer): ApiAnswer =>
      given.body === undefined ? given : { ...given, body: bodyThrough(pipeline, 'answer', given.body) };
    try {
      for (const { methods, match, tooLarge, ...route } of isInner ? compiled : open) {
        const params = methods.length === 0 || methods.includes(method) ? match(segments) : undefined;
        if (!params) continue;
        const respond = (given: ApiAnswer) => reply(throughPipeline(given));
        const target = pathThrough(pipeline, { path, search });
        const known = { method, ...target, params, headers, trace, respond };
        if (route.streams && headers['transfer-encoding'] !== undefined) {
          const stream = bodyThrough(pipeline, 'request', limited(req, maxBodyBytes));
          const answered = await route.handler(requestOf(req, res, known, stream));
          return answered && respond(answered);
        }
        const body = await readBody(req, maxBodyBytes);
        if (!body)
          throw tooLarge?.(params, { path, headers }) ?? new ApiError(413, 'ERR_BODY_TOO_LARGE', 'stream too large');
        const answered = await route.handler(requestOf(req, res, known, bodyThrough(pipeline, 'request', body)));
        return answered && respond(answered);
      }
      if (noRoute) return reply(noRoute);
      throw noSuchPath();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await reply(json(error.status, error.body));
    }
  }

  // As with daprd, only the client closes an idle connection. Otherwise the server could close a connection at the
  // moment when the client sends its next request.
  return createHttpServer({ keepAliveTimeout: 0, maxHeaderSize: maxHeaderBytes + SLOP_BYTES }, (req, res) => {
    answer(req, res).catch((error) => {
      if (!req.aborted) log.error(`${req.method} ${req.url}: ${error}`);
      res.destroy();
    });
  });
}

/** Returns the request for a handler. What few handlers read is made when it is read. */
function requestOf<Body>(
  req: IncomingMessage,
  res: ServerResponse,
  known: Omit<ApiRequest, 'body' | 'query' | 'lines' | 'signal'>,
  body: Body,
) {
  return {
    ...known,
    body,
    get query() {
      return new URLSearchParams(known.search);
    },
    get lines() {
      return linesOf(req.rawHeaders);
    },
    get signal() {
      const disconnected = new AbortController();
      // An abort creates a stack trace, so it is avoided when the caller has the complete answer.
      const end = () => res.writableFinished || disconnected.abort();
      if (res.closed) end();
      else res.once('close', end);
      return disconnected.signal;
    },
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
