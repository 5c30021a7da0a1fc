import type { RequestHandler } from 'express';
import { HttpProblem } from '../http/problem-details';

/** Returns the app id of the replay of a service's dead letters. */
export const replayOf = (service: string): string => `${service}-replay`;

/**
 * Refuses requests that another app sends through service invocation, unless that app is named. A delivery of an event
 * comes from the service's own sidecar and passes.
 *
 * The sidecar of the calling app adds its app id to the header, after every value that the app itself has sent. Node.js
 * joins repeated headers, so an app that pretends to be another one sends two names, and is refused. Dapr's access
 * control policies cannot do this: without mTLS, the called sidecar does not know who calls.
 * https://docs.dapr.io/operations/configuration/invoke-allowlist/
 */
export function requireCaller(...allowed: readonly string[]): RequestHandler {
  return (req, _res, next) => {
    const caller = req.get('dapr-caller-app-id');
    if (caller !== undefined && !allowed.includes(caller)) {
      throw new HttpProblem(403, `${JSON.stringify(caller)} may not invoke this route.`);
    }
    next();
  };
}
