import { ApiError } from './errors';
import { type ApiRoute, noContent } from './router';

/**
 * Returns the health routes. `GET /v1.0/healthz` answers 204 when the runtime is ready, and
 * `GET /v1.0/healthz/outbound` when the API can be called.
 *
 * @param notReadyPart returns the part that is not ready; undefined when the runtime is ready
 */
export const healthRoutes = (notReadyPart: () => string | undefined): ApiRoute[] => [
  { methods: ['GET'], pattern: 'v1.0/healthz/outbound', handler: () => noContent },
  {
    methods: ['GET'],
    pattern: 'v1.0/healthz',
    handler: () => {
      const part = notReadyPart();
      if (part === undefined) return noContent;
      throw new ApiError(500, 'ERR_HEALTH_NOT_READY', `dapr is not ready: [${part}]`);
    },
  },
];
