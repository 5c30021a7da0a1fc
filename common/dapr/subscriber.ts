import { setMaxListeners } from 'node:events';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { accessLog, type RequestLog, requestLog } from '../http/access-log';
import { notFound, onlyMethods, requireHost, strictExpress } from '../http/express-app';
import { refuseForeignPages } from '../http/foreign-page';
import { health, type Ready } from '../http/health';
import { HttpProblem, isUnreadableBody, problemDetails } from '../http/problem-details';
import type { Logger } from '../logger';
import { requireAppToken } from './app-token';
import { replayOf, requireCaller } from './callers';
import { batchOf, isObject, PoisonEvent, parseCloudEvent } from './cloud-event';
import { handshake } from './handshake';
import { PermanentFailure, type Subscription } from './subscription';

/** The result of a delivery, in Dapr's words. https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response */
type Outcome = 'SUCCESS' | 'RETRY' | 'DROP';

/**
 * Runs `work` unless the event was handled before, and resolves when the event is handled. It rejects with the error of
 * `work`, or when another delivery of the event is in progress.
 */
export type HandleOnce = (
  event: { topic: string; id: string },
  signal: AbortSignal,
  work: () => Promise<void>,
) => Promise<void>;

export interface Dependencies {
  /** The Dapr app id. The name of the service's dead-letter topic begins with it. */
  service: string;
  subscriptions: readonly Subscription[];
  handleOnce: HandleOnce;
  /** Publishes an event to the dead-letter topic. Only batches need it: Dapr itself moves single events there. */
  deadLetter: (event: object) => Promise<void>;
  ready: Ready;
  logger: Logger;
  pubsubName: string;
  appApiToken: string | undefined;
  eventsPerDelivery: number;
  /** Default: 127.0.0.1. */
  listenAddress?: string;
}

/** Each service has its own dead-letter topic: two subscribers of one topic would receive each other's dead letters. */
export const deadLetterTopic = (service: string) => `${service}-dead-letters`;

/** How long Dapr waits for a batch to fill up. */
const BATCH_AWAIT_MS = 5;

/**
 * Returns the Express app of a service that subscribes to topics. Dapr reads the answer to a delivery so: 200 is
 * success, 5xx means retry as the Resiliency policy says, and the status DROP means dead letter without a retry.
 */
export function createSubscriber(dependencies: Dependencies): Express {
  const { service, subscriptions, ready, logger, pubsubName, appApiToken, eventsPerDelivery, listenAddress } =
    dependencies;
  const bulkSubscribe = { enabled: true, maxMessagesCount: eventsPerDelivery, maxAwaitDurationMs: BATCH_AWAIT_MS };
  const declared = subscriptions.map(({ topic, route }) => ({
    pubsubname: pubsubName,
    topic,
    route,
    deadLetterTopic: deadLetterTopic(service),
    ...(eventsPerDelivery > 1 && { bulkSubscribe }),
  }));

  const app = strictExpress();
  app.use(
    accessLog(logger),
    requireHost,
    refuseForeignPages(listenAddress),
    health(ready, logger),
    handshake(() => declared),
  );

  for (const subscription of subscriptions) {
    const { route } = subscription;
    const deliver = deliveryHandler(subscription, dependencies);
    const allowed = [requireAppToken(appApiToken), requireCaller(replayOf(service))];
    app.post(route, allowed, cloudEventBody(eventsPerDelivery), deliver);
    // No retry can make a body readable, so the event becomes a dead letter.
    app.use(route, ((error, _req, res, next) => {
      if (!isUnreadableBody(error)) return next(error);
      res.json({ status: outcomeOf(error, requestLog(res), logger) });
    }) satisfies ErrorRequestHandler);
    // Dapr takes 404 as DROP. A delivery never gets one.
    app.all(route, onlyMethods('POST'));
  }

  app.use(notFound, problemDetails(logger));
  return app;
}

/** Parses a delivery of up to 64 KiB an event. Dapr sends an event as application/cloudevents+json and a batch as application/json. */
export const cloudEventBody = (eventsPerDelivery = 1): RequestHandler =>
  express.json({ type: ['application/cloudevents+json', 'application/json'], limit: 64 * 1024 * eventsPerDelivery });

function deliveryHandler(subscription: Subscription, dependencies: Dependencies): RequestHandler {
  const { handleOnce, deadLetter, logger } = dependencies;
  const { topic } = subscription;

  async function handle(event: unknown, log: RequestLog, signal: AbortSignal): Promise<Outcome> {
    try {
      const { id, data, trace } = parseCloudEvent(event);
      log.eventId = id;
      if (trace) log.trace ??= trace;
      const work = subscription.prepare(data, id);
      await handleOnce({ topic, id }, signal, () => work(signal));
      return 'SUCCESS';
    } catch (error) {
      return outcomeOf(error as Error, log, logger);
    }
  }

  async function handleInBatch(event: unknown, log: RequestLog, signal: AbortSignal): Promise<Outcome> {
    const outcome = await handle(event, log, signal);
    if (outcome !== 'DROP') return outcome;
    // daprd 1.18.3 panics, or moves the wrong event to the dead letters, when a retried batch is answered with a DROP.
    // So we publish the dead letter. A value that is not an object cannot be published unchanged: Dapr retries it and
    // then moves it to the dead letters.
    if (!isObject(event)) return 'RETRY';
    return deadLetter(event).then(
      () => 'SUCCESS',
      (error: Error) => outcomeOf(error, log, logger),
    );
  }

  return async (req, res) => {
    const log = requestLog(res);
    const signal = signalOf(res);
    const entries = batchOf(req.body);
    if (!entries) {
      const outcome = await handle(req.body, log, signal);
      if (outcome === 'RETRY') throw new HttpProblem(503, 'The event could not be handled now; retry it.');
      return void res.json({ status: outcome });
    }
    log.entries = [];
    const statuses = entries.map(async ({ entryId, event }) => {
      const entryLog: RequestLog = { trace: undefined };
      log.entries?.push(entryLog);
      const status = await handleInBatch(event, entryLog, signal);
      if (status === 'RETRY') entryLog.status = 503;
      return { entryId, status };
    });
    res.json({ statuses: await Promise.all(statuses) });
  };
}

/** Returns a signal that is aborted when Dapr closes the connection before it has the answer. */
function signalOf(res: Response): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // every event of a batch may listen
  res.once('close', () => res.writableFinished || controller.abort());
  return controller.signal;
}

/** Returns the outcome of a failed event, and logs it. */
function outcomeOf(error: Error, log: RequestLog, logger: Logger): Outcome {
  if (error instanceof PoisonEvent && error.eventId !== undefined) log.eventId = error.eventId;
  const ids = { eventId: log.eventId, traceId: log.trace?.traceId };
  const permanent = error instanceof PoisonEvent || error instanceof PermanentFailure || isUnreadableBody(error);
  logger.warn(ids, `${permanent ? 'dead letter' : 'will be retried'}: ${error.message}`);
  return permanent ? 'DROP' : 'RETRY';
}
