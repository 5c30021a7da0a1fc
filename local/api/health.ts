import { ApiError } from './errors';
import { noContent, type Route } from './router';

/** `GET /v1.0/healthz`: the runtime is ready. `GET /v1.0/healthz/outbound`: the API can be called. Both 204. */
export const healthRoutes = (waitingFor: () => string | undefined): Route[] => [
  { methods: ['GET'], pattern: 'v1.0/healthz/outbound', handler: () => noContent },
  {
    methods: ['GET'],
    pattern: 'v1.0/healthz',
    handler: () => {
      const part = waitingFor();
      if (part === undefined) return noContent;
      throw new ApiError(500, 'ERR_HEALTH_NOT_READY', `dapr is not ready: [${part}]`);
    },
  },
];
