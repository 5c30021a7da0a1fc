import { type ApiRoute, header, noContent } from './router';

/** Returns the route `POST /v1.0/shutdown`. With the header `dapr-force-shutdown`, it calls `force`. https://docs.dapr.io/reference/api/health_api/ */
export const shutdownRoute = (shutDown: () => void, force = shutDown): ApiRoute => ({
  methods: ['POST'],
  pattern: 'v1.0/shutdown',
  handler: ({ headers }) => {
    setImmediate(/^true$/i.test(header(headers['dapr-force-shutdown'])) ? force : shutDown); // after the answer
    return noContent;
  },
});
