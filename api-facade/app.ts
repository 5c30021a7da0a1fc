import type { IncomingMessage } from 'node:http';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { handshake } from '../common/dapr/handshake';
import { SidecarError } from '../common/dapr/sidecar';
import { type Follow, InvalidFollow, parseFollow } from '../common/follow';
import { accessLog, requestLog } from '../common/http/access-log';
import { requireHost, strictExpress } from '../common/http/express-app';
import { refuseForeignPages } from '../common/http/foreign-page';
import { health, type Ready } from '../common/http/health';
import { HttpProblem, problemDetails } from '../common/http/problem-details';
import { startTrace } from '../common/http/trace-context';
import type { Logger } from '../common/logger';
import { curlFor, namedElsewhere } from './elsewhere';
import { eventIdOf } from './event-id';
import type { PublishFollowerAdded } from './publish-follower-added';

export interface Dependencies {
  publish: PublishFollowerAdded;
  ready: Ready;
  logger: Logger;
  /** Default: 127.0.0.1. */
  listenAddress?: string;
}

/** The follow of a request without a body, such as the article's `curl -X POST`. */
export const DEMO_FOLLOW: Follow = { follower: 'alice', followee: 'bob' };

/** How long a client should wait before it repeats a request. A sidecar that restarts is back within seconds. */
const RETRY_AFTER_S = '2';

/** Returns the Express app that takes `POST /followers` and publishes the follow. */
export function createApp({ publish, ready, logger, listenAddress = '127.0.0.1' }: Dependencies): Express {
  const app = strictExpress();
  app.use(
    accessLog(logger),
    requireHost,
    refuseForeignPages(listenAddress),
    health(ready, logger),
    handshake(() => []),
  );
  app.post('/followers', onlyInBody, jsonBody, async (req, res) => {
    const log = requestLog(res);
    const follow = readFollow(req);
    const id = eventIdOf(follow, readIdempotencyKey(req));
    log.eventId = id;
    log.trace ??= startTrace();
    await publish(follow, id, log.trace).catch((error) => {
      if (!(error instanceof SidecarError)) throw error;
      logger.error({ eventId: id, traceId: log.trace?.traceId }, error.message);
      throw notConfirmed(id);
    });
    res.status(202).json({ id, ...follow });
  });
  app.all('/followers', onlyPost);
  app.use(nothingHere, problemDetails(logger));
  return app;
}

/** The broker may have accepted the event before the connection broke, so the answer must not say that nothing was done. */
const notConfirmed = (id: string) =>
  new HttpProblem(
    503,
    'The event broker has not confirmed the event, but it may have accepted it. ' +
      `Repeat the request with the header "Idempotency-Key: ${id}": nobody will be notified twice.`,
    { 'retry-after': RETRY_AFTER_S },
    { id },
  );

/** Refuses a request that names people where nothing reads them. Otherwise it would be answered with the demo pair. */
const onlyInBody: RequestHandler = (req, _res, next) => {
  const part = namedElsewhere(req);
  if (part) throw new HttpProblem(400, `${part} names people. Name them in a JSON body: ${curlFor(req)}`);
  next();
};

const onlyPost: RequestHandler = (req) => {
  throw new HttpProblem(405, `${req.method} is not allowed here; allowed: POST. ${curlFor(req)}`, { allow: 'POST' });
};

const nothingHere: RequestHandler = (req) => {
  throw new HttpProblem(404, `There is nothing at this path. To post a follow, send POST /followers: ${curlFor(req)}`);
};

const BODY_LIMIT = '16kb';
/**
 * Requests whose body has no bytes, which body-parser gives as `{}`. A sidecar that invokes this service announces a body
 * also when it sends none.
 */
const withoutBody = new WeakSet<IncomingMessage>();
const verify = (req: IncomingMessage, _res: unknown, body: Buffer) => {
  if (body.length === 0) withoutBody.add(req);
};
const parseJson = express.json({ limit: BODY_LIMIT, strict: false, verify });
const readBytes = express.raw({ limit: BODY_LIMIT, type: () => true, verify });

/** Parses a JSON body. Without a body, `req.body` stays undefined. */
const jsonBody: RequestHandler = (req, res, next) => {
  const isChunked = req.headers['transfer-encoding'] !== undefined;
  if (!isChunked && Number(req.headers['content-length'] ?? 0) === 0) return next();
  const isJson = req.is('application/json');
  const wrongType = () => new HttpProblem(415, `Send the body as application/json, or send none: ${curlFor(req)}`);
  if (!isJson && !isChunked) throw wrongType();
  (isJson ? parseJson : readBytes)(req, res, (error) => {
    if (error) return next(error);
    if (withoutBody.has(req)) req.body = undefined;
    else if (!isJson) return next(wrongType());
    next();
  });
};

function readFollow({ body }: Request): Follow {
  if (body === undefined) return DEMO_FOLLOW;
  try {
    return parseFollow(body);
  } catch (error) {
    if (error instanceof InvalidFollow) throw new HttpProblem(400, error.message);
    throw error;
  }
}

function readIdempotencyKey(req: Request): string | undefined {
  const given = req.get('idempotency-key');
  if (given === undefined) return undefined;
  // The draft of the header has the key in quotes; most clients send it without them. Both mean the same key.
  const [, key = given] = /^"(.*)"$/.exec(given) ?? [];
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new HttpProblem(400, 'Idempotency-Key must be 1 to 255 visible ASCII characters, given once.');
}
