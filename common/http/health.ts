import { type RequestHandler, Router } from 'express';
import type { Logger } from '../logger';
import { onlyMethods } from './express-app';
import { HttpProblem } from './problem-details';

/** Resolves when the service can do its work. Rejects with `NotReady`. */
export type Ready = () => Promise<void>;

/** A part of the service is not ready. `detail` names the part for everybody; the message may have inner details and goes to the log. */
export class NotReady extends Error {
  constructor(
    readonly detail: string,
    message = detail,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Returns the handlers of `GET /livez`, which answers while the process runs, and of `GET /readyz`, which answers 503
 * until the service can do its work, and again while it stops. The answer says which part is not ready. The log says
 * why, once for each reason, because probes arrive every few seconds.
 */
export function health(ready: Ready, logger: Logger): RequestHandler {
  const router = Router({ caseSensitive: true, strict: true });
  let hasBeenReady = false;
  let logged: string | undefined;

  /** At the start it is normal that the sidecar is not ready yet. */
  function logReason({ message }: Error): void {
    if (message === logged) return;
    logged = message;
    if (hasBeenReady) logger.warn(`no longer ready: ${message}`);
    else logger.info(`not ready yet: ${message}`);
  }

  router.get('/livez', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', async (_req, res) => {
    await ready().catch((error: Error) => {
      const detail = error instanceof NotReady ? error.detail : 'The service is not ready.';
      if (error.message !== detail) logReason(error);
      throw new HttpProblem(503, detail, { 'retry-after': '1' });
    });
    if (logged !== undefined) logger.info('ready');
    [hasBeenReady, logged] = [true, undefined];
    res.json({ status: 'ok' });
  });
  router.all(['/livez', '/readyz'], onlyMethods('GET', 'HEAD'));
  return router;
}
