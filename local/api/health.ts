import { ApiError } from './errors';
import { type ApiRoute, noContent } from './router';

/**
 * Returns the health routes. `GET /v1.0/healthz` answers 204 when the runtime is ready, and
 * `GET /v1.0/healthz/outbound` when the API can be called.
 *
 * @param appId the answer is an error if the query names another app
 * @param notReadyPart returns the part that is not ready; undefined when the runtime is ready
 */
export const healthRoutes = (appId: string, notReadyPart: () => string | undefined): ApiRoute[] => [
  { methods: ['GET'], pattern: 'v1.0/healthz/outbound', handler: () => noContent },
  {
    methods: ['GET'],
    pattern: 'v1.0/healthz',
    handler: ({ query }) => {
      const named = query.get('appid') ?? '';
      if (named !== '' && named !== appId) {
        throw new ApiError(500, 'ERR_HEALTH_APPID_NOT_MATCH', 'dapr app-id does not match');
      }
      const part = notReadyPart();
      if (part === undefined) return noContent;
      throw new ApiError(500, 'ERR_HEALTH_NOT_READY', `dapr is not ready: [${part}]`);
    },
  },
];
