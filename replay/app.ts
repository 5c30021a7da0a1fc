import type { Express } from 'express';
import { requireAppToken } from '../common/dapr/app-token';
import { requireCaller } from '../common/dapr/callers';
import { handshake } from '../common/dapr/handshake';
import { SidecarError } from '../common/dapr/sidecar';
import { cloudEventBody } from '../common/dapr/subscriber';
import { accessLog } from '../common/http/access-log';
import { notFound, requireHost, strictExpress } from '../common/http/express-app';
import { refuseForeignPages } from '../common/http/foreign-page';
import { health, type Ready } from '../common/http/health';
import { HttpProblem, problemDetails } from '../common/http/problem-details';
import type { Logger } from '../common/logger';
import type { Topics } from './kept-topics';

export interface Dependencies {
  topics: () => Promise<Topics>;
  /** Resolves when the dead letter may leave its topic. @throws {SidecarError} when it must stay there */
  take: (event: unknown) => Promise<void>;
  ready: Ready;
  logger: Logger;
  pubsubName: string;
  appApiToken: string | undefined;
  /** Default: 127.0.0.1. */
  listenAddress?: string;
}

const ROUTE = '/dead-letter';

/** Returns the Express app that receives dead letters. */
export function createApp({
  topics,
  take,
  ready,
  logger,
  pubsubName,
  appApiToken,
  listenAddress,
}: Dependencies): Express {
  const unavailable = (error: unknown): never => {
    if (!(error instanceof SidecarError)) throw error;
    logger.info(error.message);
    throw new HttpProblem(503, 'The Dapr sidecar or the broker does not answer as expected; the log says why.');
  };
  const app = strictExpress();
  const subscriptions = async () => {
    const { read, kept } = await topics().catch(unavailable);
    // Dapr moves a dead letter there when every retry of its delivery has failed.
    const subscription = { pubsubname: pubsubName, route: ROUTE, deadLetterTopic: kept };
    return read.map((topic) => ({ topic, ...subscription }));
  };
  app.use(
    accessLog(logger),
    requireHost,
    refuseForeignPages(listenAddress),
    health(ready, logger),
    handshake(subscriptions),
  );
  app.post(ROUTE, requireAppToken(appApiToken), requireCaller(), cloudEventBody(), async (req, res) => {
    await take(req.body).catch(unavailable);
    res.json({ status: 'SUCCESS' });
  });
  app.use(notFound, problemDetails(logger));
  return app;
}
