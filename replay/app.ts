import type { Express } from 'express';
import { accessLog } from '../common/access-log';
import { health, type Ready } from '../common/health';
import type { Logger } from '../common/logger';
import { notFound, problemDetails, requireHost, strictExpress } from '../common/problem-details';
import { cloudEventBody, requireToken } from '../common/subscriber';
import type { Verdict } from './replay';

export interface Dependencies {
  topic: string;
  take: (event: unknown) => Promise<Verdict>;
  ready: Ready;
  logger: Logger;
  pubsubName: string;
  appApiToken: string | undefined;
}

const ROUTE = '/dead-letter';

/** Receives dead letters. Those that are dropped go to the end of the topic they came from. */
export function createApp({ topic, take, ready, logger, pubsubName, appApiToken }: Dependencies): Express {
  const app = strictExpress();
  app.use(accessLog(logger), requireHost, health(ready));
  app.get('/dapr/config', (_req, res) => void res.json({}));
  app.get('/dapr/subscribe', (_req, res) => {
    res.json([{ pubsubname: pubsubName, topic, route: ROUTE, deadLetterTopic: topic }]);
  });
  app.post(ROUTE, requireToken(appApiToken), cloudEventBody, async (req, res) => {
    res.json({ status: await take(req.body) });
  });
  app.use(notFound, problemDetails(logger));
  return app;
}
