import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Response } from 'express';
import type { Logger } from '../logger';

/** An error whose message the client may see, with its status and headers. `members` are added to the answer's body. */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly headers: Record<string, string> = {},
    readonly members: Record<string, unknown> = {},
  ) {
    super(detail);
  }
}

/** Returns the body of an error answer, RFC 9457. The type `about:blank` means that the status says it all. */
export const problem = (status: number, detail: string) => ({
  type: 'about:blank',
  title: STATUS_CODES[status] ?? 'Error',
  status,
  detail,
});

function send(res: Response, { status, message, headers, members }: HttpProblem): void {
  res
    .status(status)
    .set(headers)
    .type('application/problem+json')
    .send(JSON.stringify({ ...problem(status, message), ...members }));
}

/** An error that Express or its body parser throws for a bad request. */
interface RequestError extends Error {
  status: number;
  type?: string;
  /** With the type `entity.too.large`, in bytes. */
  limit?: number;
  /** Of zlib, for a body that is not in its content encoding. */
  code?: string;
}

const isRequestError = (error: unknown): error is RequestError =>
  error instanceof Error && 'status' in error && Number(error.status) >= 400 && Number(error.status) < 500;

const TOO_LARGE = 'entity.too.large';
// The keys are body-parser's documented error types. Its messages quote the input; these do not.
const REQUEST_ERRORS: Record<string, string> = {
  'entity.parse.failed': 'The body is not valid JSON.',
  'encoding.unsupported': 'The content encoding is not supported; allowed: identity, gzip, deflate, br.',
  'charset.unsupported': 'The charset is not supported; send UTF-8 (charset=utf-8).',
};

/** body-parser gives no type to a body that zlib cannot decompress. */
const isCompressionError = ({ code = '' }: RequestError) => /^(Z_|ERR__ERROR_)/.test(code);

function detailOf(error: RequestError): string {
  if (isCompressionError(error)) return 'The body is not in the encoding that Content-Encoding names.';
  if (error.type === TOO_LARGE) return `The body is too large; allowed: ${error.limit} bytes.`;
  return REQUEST_ERRORS[error.type ?? ''] ?? 'The request cannot be read.';
}

/** Whether no retry can make the body readable. A body that was cut off does not count: a retry may bring all of it. */
export const isUnreadableBody = (error: unknown): boolean =>
  isRequestError(error) &&
  (error.type === TOO_LARGE || (error.type ?? '') in REQUEST_ERRORS || isCompressionError(error));

/**
 * Returns the last handler of an app, which answers every error with `application/problem+json`. An error that is not
 * the client's fault is logged whole and answered with a constant text, which reveals nothing about the inside.
 */
export function problemDetails(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) return next(error);
    if (error instanceof HttpProblem) return send(res, error);
    if (isRequestError(error)) return send(res, new HttpProblem(error.status, detailOf(error)));
    logger.error({ err: error }, `unexpected error: ${error}`);
    send(res, new HttpProblem(500, 'Something went wrong on our side.'));
  };
}
