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
  /**
   * Publishes an event as it is to a topic of the service's own. Only batches need it: Dapr itself retries single events
   * and moves them to the dead letters.
   */
  moveTo: (topic: string, event: object) => Promise<void>;
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

/** With batches, the topic on which the events that failed for now wait for their retries, one by one. */
export const retryTopic = (service: string) => `${service}-retries`;

/** Returns every topic that Dapr subscribes a service to. */
export const subscribedTopics = (
  service: string,
  subscriptions: readonly Subscription[],
  eventsPerDelivery: number,
) => [...subscriptions.map(({ topic }) => topic), ...(eventsPerDelivery > 1 ? [retryTopic(service)] : [])];

const RETRY_ROUTE = '/retries';

/** How long Dapr waits for a batch to fill up. */
const BATCH_AWAIT_MS = 5;

/**
 * Returns the Express app of a service that subscribes to topics. Dapr reads the answer to a delivery so: 200 is
 * success, 5xx means retry as the Resiliency policy says, and the status DROP means dead letter without a retry.
 */
export function createSubscriber(dependencies: Dependencies): Express {
  const { service, subscriptions, ready, logger, pubsubName, appApiToken, eventsPerDelivery, listenAddress } =
    dependencies;
  const inBatches = eventsPerDelivery > 1;
  const bulkSubscribe = { enabled: true, maxMessagesCount: eventsPerDelivery, maxAwaitDurationMs: BATCH_AWAIT_MS };
  const common = { pubsubname: pubsubName, deadLetterTopic: deadLetterTopic(service) };
  const declared = [
    ...subscriptions.map(({ topic, route }) => ({ ...common, topic, route, ...(inBatches && { bulkSubscribe }) })),
    ...(inBatches ? [{ ...common, topic: retryTopic(service), route: RETRY_ROUTE }] : []),
  ];

  const app = strictExpress();
  app.use(
    accessLog(logger),
    requireHost,
    refuseForeignPages(listenAddress),
    health(ready, logger),
    handshake(() => declared),
  );

  const routes = subscriptions.map((subscription): [string, Find] => [subscription.route, () => subscription]);
  // An event that waits for its retry keeps the topic on which it was published.
  const byTopic: Find = (topic) => subscriptions.find((subscription) => subscription.topic === topic);
  if (inBatches) routes.push([RETRY_ROUTE, byTopic]);
  for (const [route, find] of routes) {
    const allowed = [requireAppToken(appApiToken), requireCaller(replayOf(service))];
    app.post(route, allowed, cloudEventBody(eventsPerDelivery), deliveryHandler(find, dependencies));
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

/** Returns the subscription of an event that was published on a topic. */
type Find = (topic: unknown) => Subscription | undefined;

function deliveryHandler(find: Find, dependencies: Dependencies): RequestHandler {
  const { service, handleOnce, moveTo, logger } = dependencies;

  async function handle(event: unknown, log: RequestLog, signal: AbortSignal): Promise<Outcome> {
    try {
      const { id, topic: publishedOn, data, trace } = parseCloudEvent(event);
      log.eventId = id;
      if (trace) log.trace ??= trace;
      const subscription = find(publishedOn);
      if (!subscription) throw new PoisonEvent(`${service} does not subscribe to ${JSON.stringify(publishedOn)}`);
      const work = subscription.prepare(data, id);
      await handleOnce({ topic: subscription.topic, id }, signal, () => work(signal));
      return 'SUCCESS';
    } catch (error) {
      return outcomeOf(error as Error, log, logger);
    }
  }

  /**
   * Handles an event of a batch. Dapr delivers the next batch when each event of this one has succeeded or has used up
   * its retries. So we move an event that has failed to a topic of our own, and nothing waits for it. In addition,
   * daprd 1.18.3 panics, or moves the wrong event to the dead letters, when a retried batch is answered with a DROP.
   */
  async function handleInBatch(event: unknown, log: RequestLog, signal: AbortSignal): Promise<Outcome> {
    const outcome = await handle(event, log, signal);
    // Dapr delivers the whole batch again when it no longer waits for us. A value that is not an object cannot be
    // published unchanged: Dapr retries it and then moves it to the dead letters.
    if (outcome === 'SUCCESS' || signal.aborted || !isObject(event)) return outcome === 'DROP' ? 'RETRY' : outcome;
    return moveTo(outcome === 'DROP' ? deadLetterTopic(service) : retryTopic(service), event).then(
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
      return { entryId, status: await handleInBatch(event, entryLog, signal) };
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

/** Returns the outcome of a failed event, and logs it. In the access log, an event of a batch that is retried has 503. */
function outcomeOf(error: Error, log: RequestLog, logger: Logger): Outcome {
  if (error instanceof PoisonEvent && error.eventId !== undefined) log.eventId = error.eventId;
  const ids = { eventId: log.eventId, traceId: log.trace?.traceId };
  const permanent = error instanceof PoisonEvent || error instanceof PermanentFailure || isUnreadableBody(error);
  if (!permanent) log.status = 503;
  logger.warn(ids, `${permanent ? 'dead letter' : 'will be retried'}: ${error.message}`);
  return permanent ? 'DROP' : 'RETRY';
}
