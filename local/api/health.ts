import { ApiError, noSuchPath } from './errors';
import { noContent, type Route } from './router';

/** `GET /v1.0/healthz`: the runtime is ready. `GET /v1.0/healthz/outbound`: the API can be called. Both 204. */
export const healthRoute = (notReady: () => readonly string[]): Route => ({
  methods: ['GET'],
  prefix: '/v1.0/healthz',
  handler: ({ rest }) => {
    if (rest === '/outbound' || rest === '/outbound/') return noContent;
    if (rest !== '' && rest !== '/') throw noSuchPath();
    const waitingFor = notReady();
    if (waitingFor.length === 0) return noContent;
    throw new ApiError(500, 'ERR_HEALTH_NOT_READY', `dapr is not ready: [${waitingFor.join(' ')}]`);
  },
});
