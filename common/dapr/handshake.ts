import { type RequestHandler, Router } from 'express';
import { onlyMethods } from '../http/express-app';

/**
 * Returns the handlers of the two questions that Dapr asks an app at its start: its configuration, and the topics that
 * it subscribes to. https://docs.dapr.io/reference/api/pubsub_api/#provide-a-route-for-dapr-to-discover-topic-subscriptions
 */
export function handshake(subscriptions: () => readonly object[] | Promise<readonly object[]>): RequestHandler {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/dapr/config', (_req, res) => void res.json({}));
  router.get('/dapr/subscribe', async (_req, res) => void res.json(await subscriptions()));
  router.all(['/dapr/config', '/dapr/subscribe'], onlyMethods('GET', 'HEAD'));
  return router;
}
