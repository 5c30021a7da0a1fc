import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SECRET_HEADER } from '../invocation/headers';

/** Returns whether a request with these headers passes. */
export type HeaderCheck = (headers: IncomingHttpHeaders) => boolean;

/** Returns the check whether a call comes from a sidecar that knows the secret. */
export function sidecarCheck(secret: string): HeaderCheck {
  const isSecret = tokenCheck(secret);
  return (headers) => isSecret(headers[SECRET_HEADER]);
}

/** Returns the check of a call: it has the token of the API, or comes from another sidecar. */
export function accessCheck(apiToken: string | undefined, isFromSidecar: HeaderCheck): HeaderCheck {
  if (!apiToken) return () => true;
  const isToken = tokenCheck(apiToken);
  return (headers) => isToken(headers['dapr-api-token']) || isFromSidecar(headers);
}

/** Returns a function that checks whether a header is the expected token. It takes constant time. */
export function tokenCheck(expected: string): (given: string | string[] | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expectedDigest = digest(expected);
  return (given) => typeof given === 'string' && timingSafeEqual(digest(given), expectedDigest);
}
