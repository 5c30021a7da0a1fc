import { createHash, timingSafeEqual } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { FOLLOWER_ADDED, type Follow } from '../follow';
import { accessLog, type RequestLog, requestLog } from '../http/access-log';
import { health, type Ready } from '../http/health';
import {
  HttpProblem,
  isUnreadableBody,
  notFound,
  onlyMethods,
  problemDetails,
  requireHost,
  strictExpress,
} from '../http/problem-details';
import type { Logger } from '../logger';
import { batchOf, isObject, PoisonEvent, parseFollowerAdded } from './cloud-event';

/**
 * Tells somebody about a follow. Resolves once the notification has been handed over.
 *
 * @param left aborted when Dapr no longer waits: what has not begun by then is for the next delivery
 * @throws {PermanentFailure} when trying again cannot help; any other error is taken as temporary
 */
export type Notify = (follow: Follow, eventId: string, left: AbortSignal) => Promise<void>;

/** A notification that will never go out, however often it is tried. */
export class PermanentFailure extends Error {}

/** What becomes of an event, in Dapr's words. */
type Outcome = 'SUCCESS' | 'RETRY' | 'DROP';

export interface Dependencies {
  /** The Dapr app id. The service's dead letters have a topic of their own, named after it. */
  service: string;
  notify: Notify;
  /** Puts an event into the dead letters. Needed for batches only: a single one is put there by Dapr. */
  deadLetter: (event: object) => Promise<void>;
  ready: Ready;
  logger: Logger;
  pubsubName: string;
  appApiToken: string | undefined;
  eventsPerDelivery: number;
}

export const deadLetterTopic = (service: string) => `${service}-dead-letters`;

// Dapr holds a batch that is not full back for so long.
const BATCH_AWAIT_MS = 5;

/**
 * The app of a service that reacts to `followerAdded`. How Dapr understands the answers to a delivery:
 * 200 is done, 5xx is tried again as the Resiliency policy says, and DROP goes to the dead letters at once.
 */
export function createSubscriber(dependencies: Dependencies): Express {
  const { service, notify, deadLetter, ready, logger, pubsubName, appApiToken, eventsPerDelivery } = dependencies;
  const route = `/${FOLLOWER_ADDED}`;
  const bulkSubscribe = { enabled: true, maxMessagesCount: eventsPerDelivery, maxAwaitDurationMs: BATCH_AWAIT_MS };
  const subscription = {
    pubsubname: pubsubName,
    topic: FOLLOWER_ADDED,
    route,
    deadLetterTopic: deadLetterTopic(service),
    ...(eventsPerDelivery > 1 && { bulkSubscribe }),
  };

  async function react(event: unknown, log: RequestLog, left: AbortSignal): Promise<Outcome> {
    try {
      const { id, follow, trace } = parseFollowerAdded(event);
      log.eventId = id;
      if (trace) log.trace ??= trace;
      await notify(follow, id, left);
      return 'SUCCESS';
    } catch (error) {
      return outcomeOf(error as Error, log, logger);
    }
  }

  async function reactInBatch(event: unknown, log: RequestLog, left: AbortSignal): Promise<Outcome> {
    const outcome = await react(event, log, left);
    if (outcome !== 'DROP') return outcome;
    // daprd 1.18.3 panics, or takes another event for the dead letter, when the answer to a batch that it tries again has
    // a DROP. What is no object cannot be published as it is; Dapr makes it a dead letter after the last attempt.
    if (!isObject(event)) return 'RETRY';
    return deadLetter(event).then(
      () => 'SUCCESS',
      (error: Error) => outcomeOf(error, log, logger),
    );
  }

  const app = strictExpress();
  app.use(accessLog(logger), requireHost, health(ready));
  app.get('/dapr/config', (_req, res) => void res.json({}));
  app.get('/dapr/subscribe', (_req, res) => void res.json([subscription]));
  app.all(['/dapr/config', '/dapr/subscribe'], onlyMethods('GET', 'HEAD'));

  app.post(route, requireToken(appApiToken), cloudEventBody(eventsPerDelivery), async (req, res) => {
    const log = requestLog(res);
    const left = new AbortController();
    setMaxListeners(0, left.signal); // each event of a batch may wait for its turn, or until Dapr has left
    res.once('close', () => res.writableFinished || left.abort());
    const entries = batchOf(req.body);
    if (!entries) {
      const outcome = await react(req.body, log, left.signal);
      if (outcome === 'RETRY') throw new HttpProblem(503, 'The notification could not be handed over; try again.');
      return void res.json({ status: outcome });
    }
    log.entries = [];
    const statuses = entries.map(async ({ entryId, event }) => {
      const entryLog: RequestLog = { trace: undefined };
      log.entries?.push(entryLog);
      const status = await reactInBatch(event, entryLog, left.signal);
      if (status === 'RETRY') entryLog.status = 503;
      return { entryId, status };
    });
    res.json({ statuses: await Promise.all(statuses) });
  });
  // A body that cannot be read is as hopeless as an event without data: another status than DROP would only have it
  // delivered again and again.
  app.use(route, ((error, _req, res, next) => {
    if (!isUnreadableBody(error)) return next(error);
    res.json({ status: outcomeOf(error, requestLog(res), logger) });
  }) satisfies ErrorRequestHandler);
  app.all(route, onlyMethods('POST'));

  app.use(notFound, problemDetails(logger));
  return app;
}

/**
 * Dapr delivers as application/cloudevents+json whatever was published, and a batch as application/json. A follow takes
 * a few hundred bytes.
 */
export const cloudEventBody = (eventsPerDelivery = 1): RequestHandler =>
  express.json({ type: ['application/cloudevents+json', 'application/json'], limit: 64 * 1024 * eventsPerDelivery });

/** Decides what becomes of an event that failed, and says so in the log. */
function outcomeOf(error: Error, log: RequestLog, logger: Logger): Outcome {
  if (error instanceof PoisonEvent && error.eventId !== undefined) log.eventId = error.eventId;
  const ids = { eventId: log.eventId, traceId: log.trace?.traceId };
  const hopeless = error instanceof PoisonEvent || error instanceof PermanentFailure || isUnreadableBody(error);
  logger.warn(ids, `${hopeless ? 'dead letter' : 'will be retried'}: ${error.message}`);
  return hopeless ? 'DROP' : 'RETRY';
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
