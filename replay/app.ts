import type { Express } from 'express';
import { cloudEventBody, requireToken } from '../common/dapr/subscriber';
import { accessLog } from '../common/http/access-log';
import { health, type Ready } from '../common/http/health';
import { notFound, problemDetails, requireHost, strictExpress } from '../common/http/problem-details';
import type { Logger } from '../common/logger';
import type { Topics } from './generation';
import type { Verdict } from './replay';

export interface Dependencies {
  topics: () => Promise<Topics>;
  take: (event: unknown) => Promise<Verdict>;
  ready: Ready;
  logger: Logger;
  pubsubName: string;
  appApiToken: string | undefined;
}

const ROUTE = '/dead-letter';

/** Receives dead letters. Those that are dropped go to the topic that the next replay reads. */
export function createApp({ topics, take, ready, logger, pubsubName, appApiToken }: Dependencies): Express {
  const app = strictExpress();
  app.use(accessLog(logger), requireHost, health(ready));
  app.get('/dapr/config', (_req, res) => void res.json({}));
  app.get('/dapr/subscribe', async (_req, res) => {
    const { read, returned } = await topics();
    const subscription = { pubsubname: pubsubName, route: ROUTE, deadLetterTopic: returned };
    res.json(read.map((topic) => ({ topic, ...subscription })));
  });
  app.post(ROUTE, requireToken(appApiToken), cloudEventBody(), async (req, res) => {
    res.json({ status: await take(req.body) });
  });
  app.use(notFound, problemDetails(logger));
  return app;
}
