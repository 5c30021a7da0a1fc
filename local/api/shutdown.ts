import { type ApiRoute, noContent } from './router';

/** Returns the route `POST /v1.0/shutdown`. https://docs.dapr.io/reference/api/health_api/ */
export const shutdownRoute = (shutDown: () => void): ApiRoute => ({
  methods: ['POST'],
  pattern: 'v1.0/shutdown',
  handler: () => {
    setImmediate(shutDown); // after the answer
    return noContent;
  },
});
