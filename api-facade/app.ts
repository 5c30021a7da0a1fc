import express, { type Express, type Request, type RequestHandler } from 'express';
import { type Follow, InvalidFollow, parseFollow } from '../common/follow';
import { accessLog, requestLog } from '../common/http/access-log';
import { health, type Ready } from '../common/http/health';
import {
  HttpProblem,
  notFound,
  onlyMethods,
  problemDetails,
  requireHost,
  strictExpress,
} from '../common/http/problem-details';
import { startTrace } from '../common/http/trace-context';
import type { Logger } from '../common/logger';
import type { PublishFollowerAdded } from './publish-follower-added';

export interface Dependencies {
  publish: PublishFollowerAdded;
  ready: Ready;
  logger: Logger;
}

/** What is published when a request has no body, as the article's `curl -X POST` has none. */
export const DEMO_FOLLOW: Follow = { follower: 'alice', followee: 'bob' };

export function createApp({ publish, ready, logger }: Dependencies): Express {
  const app = strictExpress();
  app.use(accessLog(logger), requireHost, health(ready));
  app.post('/followers', jsonBody, async (req, res) => {
    const log = requestLog(res);
    const follow = readFollow(req);
    log.trace ??= startTrace();
    const id = await publish(follow, log.trace, readIdempotencyKey(req));
    log.eventId = id;
    res.status(202).json({ id, ...follow });
  });
  app.all('/followers', onlyMethods('POST'));
  app.use(notFound, problemDetails(logger));
  return app;
}

const parseJson = express.json({ limit: '16kb', strict: false });

/** Parses a JSON body; `req.body` stays undefined when there is none. */
const jsonBody: RequestHandler = (req, res, next) => {
  const empty = req.headers['transfer-encoding'] === undefined && Number(req.headers['content-length'] ?? 0) === 0;
  if (empty) return next();
  if (!req.is('application/json')) throw new HttpProblem(415, 'Send the body as application/json, or send none.');
  parseJson(req, res, next);
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
  const key = req.get('idempotency-key');
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new HttpProblem(400, 'Idempotency-Key must be 1 to 255 visible ASCII characters, given once.');
}
