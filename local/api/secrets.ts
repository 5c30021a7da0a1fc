import { stringifyJson } from '../json/stringify';
import type { Policy } from '../resiliency/policy';
import { allowsSecret, type SecretScope, type SecretStore } from '../secrets/secret-store';
import { ApiError } from './errors';
import { type ApiRequestInFull as ApiRequest, type ApiRoute, json } from './router';

/** A secret store of the sidecar. */
export interface NamedSecretStore {
  store: SecretStore;
  policy: Policy;
  /** Undefined: the app may read every secret. */
  scope: SecretScope | undefined;
}

/** Returns the routes of the secrets API. https://docs.dapr.io/reference/api/secrets_api/ */
export function secretRoutes(stores: ReadonlyMap<string, NamedSecretStore>): ApiRoute[] {
  const find = ({ params: { name = '' } }: ApiRequest): NamedSecretStore => {
    const store = stores.get(name);
    if (store) return store;
    if (stores.size === 0)
      throw new ApiError(500, 'ERR_SECRET_STORES_NOT_CONFIGURED', 'secret store is not configured');
    // With daprd's status.
    throw new ApiError(401, 'ERR_SECRET_STORE_NOT_FOUND', `failed finding secret store with key ${name}`);
  };
  return [
    {
      methods: ['GET'],
      pattern: 'v1.0/secrets/:name/bulk',
      handler: async (request) => {
        const { store, policy, scope } = find(request);
        const all = await policy(async () => store.all());
        return json(
          200,
          stringifyJson(Object.fromEntries(Object.entries(all).filter(([key]) => allowsSecret(scope, key)))),
        );
      },
    },
    {
      methods: ['GET'],
      pattern: 'v1.0/secrets/:name/:key',
      handler: async (request) => {
        const { store, policy, scope } = find(request);
        const { name = '', key = '' } = request.params;
        if (!allowsSecret(scope, key)) {
          throw new ApiError(403, 'ERR_PERMISSION_DENIED', `access denied by policy to get "${key}" from "${name}"`);
        }
        const secret = await policy(async () => store.get(key)).catch((error: Error) => {
          const message = `failed getting secret with key ${key} from secret store ${name}: ${error.message}`;
          throw new ApiError(500, 'ERR_SECRET_GET', message);
        });
        return json(200, stringifyJson(secret));
      },
    },
  ];
}
