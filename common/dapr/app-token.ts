import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { HttpProblem } from '../http/problem-details';

/**
 * Refuses requests that do not come from this service's sidecar. The sidecar sends `APP_API_TOKEN` with every request.
 * https://docs.dapr.io/operations/security/app-api-token/
 */
export function requireAppToken(expected: string | undefined): RequestHandler {
  // timingSafeEqual needs two values of equal length. Hashes have that, and comparing them reveals nothing.
  const digest = (token: string) => createHash('sha256').update(token).digest();
  const expectedDigest = expected === undefined ? undefined : digest(expected);
  return (req, _res, next) => {
    const allowed = !expectedDigest || timingSafeEqual(digest(req.get('dapr-api-token') ?? ''), expectedDigest);
    if (!allowed) throw new HttpProblem(401, 'The dapr-api-token header is missing or wrong.');
    next();
  };
}
