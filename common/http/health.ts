import { type RequestHandler, Router } from 'express';
import { HttpProblem, onlyMethods } from './problem-details';

/** Resolves when the service can do its work; otherwise rejects with an error whose message says what is missing. */
export type Ready = () => Promise<void>;

/** `GET /livez`: the process answers. `GET /readyz`: it can do its work, 503 until then and while it stops. */
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
