import express, { type Express, type RequestHandler } from 'express';
import { HttpProblem } from './problem-details';

/** Returns an Express app that treats `/a`, `/a/` and `/A` as three paths and does not name itself in its answers. */
export function strictExpress(): Express {
  const app = express();
  app.enable('strict routing').enable('case sensitive routing').disable('x-powered-by').disable('etag');
  return app;
}

/** Answers 405 for a path that exists. Put it after the handlers of the path. */
export const onlyMethods = (...methods: string[]): RequestHandler => {
  const allow = methods.join(', ');
  return (req) => {
    throw new HttpProblem(405, `${req.method} is not allowed here; allowed: ${allow}`, { allow });
  };
};

/** Answers 404. Put it after all paths. */
export const notFound: RequestHandler = () => {
  throw new HttpProblem(404, 'There is nothing at this path.');
};

/**
 * Answers 400 when HTTP/1.1 has no Host header, or when there are several (RFC 9112 section 3.2). Node's own check would
 * answer with an empty body, so the server switches that off.
 */
export const requireHost: RequestHandler = (req, _res, next) => {
  const hosts = req.headersDistinct.host?.length ?? 0;
  if (req.httpVersion === '1.1' && hosts === 0) throw new HttpProblem(400, 'The Host header is missing.');
  if (hosts > 1) throw new HttpProblem(400, 'The Host header is given more than once.');
  next();
};
