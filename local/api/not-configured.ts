import type { Log } from '../log';
import { ApiError, schedulerDisabled } from './errors';
import type { ApiRoute } from './router';

type Refusal = (name: string, method: string, appId: string) => ApiError;

const placement: Refusal = () => new ApiError(400, 'ERR_ACTOR_NO_PLACEMENT', 'placement service is not configured');
const crypto: Refusal = () =>
  new ApiError(500, 'ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED', 'crypto providers not configured');
const locks: Refusal = () => new ApiError(500, 'ERR_LOCK_STORE_NOT_CONFIGURED', 'lock store is not configured');
const conversation: Refusal = (name) =>
  new ApiError(400, 'ERR_CONVERSATION_NOT_FOUND', `failed finding conversation component ${name}`);

type UnsupportedPath = [api: string, methods: readonly string[], pattern: string, refusal: Refusal];

const GET_AND_POST = ['GET', 'POST'];
const WRITE = ['POST', 'PUT'];
const INVOKE = ['GET', ...WRITE, 'DELETE'];

/** The paths of the APIs that this sidecar does not support, and daprd's answer when they are not configured. */
const APIS: readonly UnsupportedPath[] = [
  ['actors', INVOKE, 'v1.0/actors/:type/:id/method/:name', placement],
  ['actors', WRITE, 'v1.0/actors/:type/:id/state', placement],
  ['actors', ['GET'], 'v1.0/actors/:type/:id/state/:key', placement],
  ['actors', INVOKE, 'v1.0/actors/:type/:id/reminders/:name', placement],
  ['actors', [...WRITE, 'DELETE'], 'v1.0/actors/:type/:id/timers/:name', placement],
  ...['v1.0', 'v1.0-beta1'].flatMap((version): UnsupportedPath[] => [
    ['workflows', ['GET'], `${version}/workflows/:component/:id`, placement],
    ['workflows', ['POST'], `${version}/workflows/:component/:id/:action`, placement],
    ['workflows', ['POST'], `${version}/workflows/:component/:id/raiseEvent/:event`, placement],
  ]),
  ['cryptography', ['PUT'], 'v1.0-alpha1/crypto/:name/:action', crypto],
  ['distributed locks', ['POST'], 'v1.0-alpha1/lock/:name', locks],
  ['distributed locks', ['POST'], 'v1.0-alpha1/unlock/:name', locks],
  ['conversation', ['POST'], 'v1.0-alpha1/conversation/:name/converse', conversation],
  ['conversation', ['POST'], 'v1.0-alpha2/conversation/:name/converse', conversation],
  [
    'jobs',
    [...GET_AND_POST, 'DELETE'],
    'v1.0-alpha1/jobs/:name',
    (_, method, appId) => schedulerDisabled(method, appId),
  ],
];

/**
 * Returns the routes of the APIs that this sidecar does not support. They answer as daprd does when the API is not
 * configured. The first call of each API writes one line to the log.
 */
export function notConfiguredRoutes(appId: string, log: Log): ApiRoute[] {
  const named = new Set<string>();
  return APIS.map(([api, methods, pattern, refusal]) => ({
    methods,
    pattern,
    handler: ({ method, params: { name = '' } }) => {
      if (!named.has(api)) log.warn(`not supported: ${api}. The API answers as daprd does when it is not configured`);
      named.add(api);
      throw refusal(name, method, appId);
    },
  }));
}
