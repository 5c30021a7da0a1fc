import { STATUS_CODES } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { SidecarError } from '../dapr/sidecar';
import type { Logger } from '../logger';

// A sidecar that restarts is back within seconds.
const RETRY_AFTER_S = '2';

/** An error that the client may see: a status, a sentence for a person, and headers that go with it. */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }
}

/** The body of an error answer, RFC 9457. `about:blank` says that the status tells it all. */
export const problem = (status: number, detail: string) => ({
  type: 'about:blank',
  title: STATUS_CODES[status] ?? 'Error',
  status,
  detail,
});

function send(res: Response, status: number, detail: string, headers: Record<string, string> = {}): void {
  res
    .status(status)
    .set(headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem(status, detail)));
}

/** An Express app in which `/a`, `/a/` and `/A` are three paths, and which says nothing about itself. */
export function strictExpress(): Express {
  const app = express();
  app.enable('strict routing').enable('case sensitive routing').disable('x-powered-by').disable('etag');
  return app;
}

/** For a path that exists: every method that no handler before took is 405. */
export const onlyMethods = (...methods: string[]): RequestHandler => {
  const allow = methods.join(', ');
  return (req) => {
    throw new HttpProblem(405, `${req.method} is not allowed here; allowed: ${allow}`, { allow });
  };
};

export const notFound: RequestHandler = () => {
  throw new HttpProblem(404, 'There is nothing at this path.');
};

/** RFC 9112 section 3.2 wants 400 for it. Node would answer by itself, with an empty body, so the server leaves it to us. */
export const requireHost: RequestHandler = (req, _res, next) => {
  if (req.httpVersion === '1.1' && req.headers.host === undefined)
    throw new HttpProblem(400, 'The Host header is missing.');
  next();
};

/** What Express and its body parser throw for a request that is not right. */
interface RequestError extends Error {
  status: number;
  type?: string;
}

const isRequestError = (error: unknown): error is RequestError =>
  error instanceof Error && 'status' in error && Number(error.status) >= 400 && Number(error.status) < 500;

// Keyed by body-parser's error types, which are its documented interface. Its messages quote the input: ours do not.
const REQUEST_ERRORS: Record<string, string> = {
  'entity.parse.failed': 'The body is not valid JSON.',
  'entity.too.large': 'The body is too large.',
  'encoding.unsupported': 'The content encoding is not supported; allowed: identity, gzip, deflate, br.',
  'charset.unsupported': 'The charset is not supported; send UTF-8.',
};

/** Whether the body parser found a body that it will never be able to read, as opposed to one that was broken off. */
export const isUnreadableBody = (error: unknown): boolean =>
  isRequestError(error) && (error.type ?? '') in REQUEST_ERRORS;

/**
 * The last handler: every error becomes an `application/problem+json` answer. What is not the client's fault is logged
 * whole and answered with a constant text, so that nothing of the inside is shown.
 */
export function problemDetails(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) return next(error);
    if (error instanceof HttpProblem) return send(res, error.status, error.message, error.headers);
    if (isRequestError(error)) {
      return send(res, error.status, REQUEST_ERRORS[error.type ?? ''] ?? 'The request cannot be read.');
    }
    if (error instanceof SidecarError) {
      logger.error(error.message);
      return send(res, 503, 'The event broker does not take the request at the moment. Nothing was done; try again.', {
        'retry-after': RETRY_AFTER_S,
      });
    }
    logger.error({ err: error }, `unexpected error: ${error}`);
    send(res, 500, 'Something went wrong on our side.');
  };
}
