import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { accessLog, requestLog } from './access-log';
import { PoisonEvent, parseFollowerAdded } from './cloud-event';
import { FOLLOWER_ADDED, type Follow } from './follow';
import { health, type Ready } from './health';
import type { Logger } from './logger';
import {
  HttpProblem,
  isUnreadableBody,
  notFound,
  onlyMethods,
  problemDetails,
  requireHost,
  strictExpress,
} from './problem-details';

/**
 * Tells somebody about a follow. Resolves once the notification has been handed over.
 *
 * @param left aborted when Dapr no longer waits: what has not begun by then is for the next delivery
 * @throws {PermanentFailure} when trying again cannot help; any other error is taken as temporary
 */
export type Notify = (follow: Follow, eventId: string, left: AbortSignal) => Promise<void>;

/** A notification that will never go out, however often it is tried. */
export class PermanentFailure extends Error {}

export interface Dependencies {
  /** The Dapr app id. The service's dead letters have a topic of their own, named after it. */
  service: string;
  notify: Notify;
  ready: Ready;
  logger: Logger;
  pubsubName: string;
  appApiToken: string | undefined;
}

export const deadLetterTopic = (service: string) => `${service}-dead-letters`;

/**
 * The app of a service that reacts to `followerAdded`. How Dapr understands the answers to a delivery:
 * 200 is done, 5xx is tried again as the Resiliency policy says, and DROP goes to the dead letters at once.
 */
export function createSubscriber({ service, notify, ready, logger, pubsubName, appApiToken }: Dependencies): Express {
  const route = `/${FOLLOWER_ADDED}`;
  const subscriptions = [
    { pubsubname: pubsubName, topic: FOLLOWER_ADDED, route, deadLetterTopic: deadLetterTopic(service) },
  ];

  const app = strictExpress();
  app.use(accessLog(logger), requireHost, health(ready));
  app.get('/dapr/config', (_req, res) => void res.json({}));
  app.get('/dapr/subscribe', (_req, res) => void res.json(subscriptions));
  app.all(['/dapr/config', '/dapr/subscribe'], onlyMethods('GET', 'HEAD'));

  app.post(route, requireToken(appApiToken), cloudEventBody, async (req, res) => {
    const log = requestLog(res);
    const { id, follow, trace } = parseFollowerAdded(req.body);
    log.eventId = id;
    if (trace && req.headers.traceparent === undefined) log.trace = trace;
    const left = new AbortController();
    res.once('close', () => left.abort());
    await notify(follow, id, left.signal);
    res.json({ status: 'SUCCESS' });
  });
  app.use(route, dropOrRetry(logger));
  app.all(route, onlyMethods('POST'));

  app.use(notFound, problemDetails(logger));
  return app;
}

/** Dapr delivers as application/cloudevents+json whatever was published. A follow takes a few hundred bytes. */
export const cloudEventBody = express.json({
  type: ['application/cloudevents+json', 'application/json'],
  limit: '64kb',
});

/**
 * Decides what becomes of a delivery that failed. A body that cannot be read is as hopeless as an event without data:
 * another status than DROP would only have it delivered again and again.
 */
function dropOrRetry(logger: Logger): ErrorRequestHandler {
  return (error: Error, _req, res, next) => {
    if (error instanceof HttpProblem) return next(error);
    const log = requestLog(res);
    if (error instanceof PoisonEvent && error.eventId !== undefined) log.eventId = error.eventId;
    const { eventId, trace } = log;
    const ids = { eventId, traceId: trace.traceId };
    const hopeless = error instanceof PoisonEvent || error instanceof PermanentFailure || isUnreadableBody(error);
    if (hopeless) {
      logger.warn(ids, `dead letter: ${error.message}`);
      return res.json({ status: 'DROP' });
    }
    logger.warn(ids, `will be retried: ${error.message}`);
    next(new HttpProblem(503, 'The notification could not be handed over; try again.'));
  };
}

/** Refuses deliveries that do not come from this service's own sidecar, which sends `APP_API_TOKEN` with every call. */
export function requireToken(expected: string | undefined): RequestHandler {
  // Hashes have one length, which timingSafeEqual needs, and comparing them tells nothing about the token.
  const digest = (token: string) => createHash('sha256').update(token).digest();
  const expectedDigest = expected === undefined ? undefined : digest(expected);
  return (req, _res, next) => {
    const allowed = !expectedDigest || timingSafeEqual(digest(req.get('dapr-api-token') ?? ''), expectedDigest);
    if (!allowed) throw new HttpProblem(401, 'The dapr-api-token header is missing or wrong.');
    next();
  };
}
