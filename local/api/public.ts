import type { Server } from 'node:http';
import { type ApiOptions, type ApiRoute, createApi, PLAIN } from './router';

/** Returns the server of daprd's public port: the GET routes of these, for everybody. It does not listen yet. */
export const createPublicApi = (
  routes: readonly ApiRoute[],
  options: Pick<ApiOptions, 'refusal' | 'tracing' | 'maxBodyBytes' | 'maxHeaderBytes' | 'log'>,
): Server =>
  createApi({
    ...options,
    routes: routes.filter(({ methods }) => methods.includes('GET')),
    isAllowed: () => true,
    noRoute: { status: 404, headers: PLAIN, body: '404 page not found\n' },
  });
