import { type RequestHandler, Router } from 'express';
import { onlyMethods } from './express-app';
import { HttpProblem } from './problem-details';

/** Resolves when the service can do its work. Rejects with an error whose message names the missing part. */
export type Ready = () => Promise<void>;

/**
 * Returns the handlers of `GET /livez`, which answers while the process runs, and of `GET /readyz`, which answers 503
 * until the service can do its work, and again while it stops.
 */
export function health(ready: Ready): RequestHandler {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/livez', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', async (_req, res) => {
    await ready().catch((error: Error) => {
      throw new HttpProblem(503, error.message, { 'retry-after': '1' });
    });
    res.json({ status: 'ok' });
  });
  router.all(['/livez', '/readyz'], onlyMethods('GET', 'HEAD'));
  return router;
}
