import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Returns the check of a call: it has the token of the API, or comes from a sidecar that knows the secret. */
export function accessCheck(apiToken: string | undefined, secret: string): (headers: IncomingHttpHeaders) => boolean {
  if (!apiToken) return () => true;
  const [isToken, isSecret] = [tokenCheck(apiToken), tokenCheck(secret)];
  return (headers) => isToken(headers['dapr-api-token']) || isSecret(headers['x-local-sidecar']);
}

/** Returns a function that checks whether a header is the expected token. It takes constant time. */
export function tokenCheck(expected: string): (given: string | string[] | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expectedDigest = digest(expected);
  return (given) => typeof given === 'string' && timingSafeEqual(digest(given), expectedDigest);
}
