import { noContent, type Route } from './router';

/** `POST /v1.0/shutdown`. https://docs.dapr.io/reference/api/health_api/ */
export const shutdownRoute = (shutDown: () => void): Route => ({
  methods: ['POST'],
  pattern: 'v1.0/shutdown',
  handler: () => {
    setImmediate(shutDown); // after the answer
    return noContent;
  },
});
