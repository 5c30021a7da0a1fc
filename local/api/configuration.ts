import type { AppChannel } from '../app-channel';
import type { ConfigurationListener, InMemoryConfiguration } from '../configuration/in-memory';
import { stringifyJson } from '../json/stringify';
import type { Log } from '../log';
import type { Policy } from '../resiliency/policy';
import { ApiError } from './errors';
import { type ApiRequestInFull as ApiRequest, type ApiRoute, json, noContent } from './router';

/** A configuration store of the sidecar. */
export interface NamedConfiguration {
  name: string;
  store: InMemoryConfiguration;
  /** The inbound policy. */
  policy: Policy;
  /** The ids of the subscriptions of this sidecar. */
  subscriptions: Set<string>;
}

/** Returns the routes of the configuration API. https://docs.dapr.io/reference/api/configuration_api/ */
export function configurationRoutes(
  stores: ReadonlyMap<string, NamedConfiguration>,
  app: AppChannel | undefined,
  log: Log,
): ApiRoute[] {
  const find = ({ params: { name = '' } }: ApiRequest): NamedConfiguration => {
    const store = stores.get(name);
    if (store) return store;
    if (stores.size === 0) {
      throw new ApiError(500, 'ERR_CONFIGURATION_STORE_NOT_CONFIGURED', 'configuration stores not configured');
    }
    throw new ApiError(400, 'ERR_CONFIGURATION_STORE_NOT_FOUND', `configuration store ${name} not found`);
  };
  const get = (request: ApiRequest) => {
    const items = find(request).store.get(request.query.getAll('key'));
    return Object.keys(items).length === 0 ? noContent : json(200, `${stringifyJson(toJson(items))}\n`);
  };
  const subscribe = (request: ApiRequest) => {
    const { name, store, policy, subscriptions } = find(request);
    if (!app) {
      const message = 'app channel is not initialized. cannot subscribe to configuration updates';
      throw new ApiError(500, 'ERR_APP_CHANNEL_NIL', message);
    }
    const id = store.subscribe(request.query.getAll('key'), sender(name, app, policy, log));
    subscriptions.add(id);
    return json(200, `${JSON.stringify({ id })}\n`);
  };
  const unsubscribe = (request: ApiRequest) => {
    const { store, subscriptions } = find(request);
    const { id = '' } = request.params;
    try {
      store.unsubscribe(id);
    } catch (error) {
      const message = `failed to unsubscribe to configuration request ${id}: ${(error as Error).message}`;
      return json(500, `${JSON.stringify({ message })}\n`);
    }
    subscriptions.delete(id);
    return json(200, '{"ok":true}\n');
  };
  return ['v1.0', 'v1.0-alpha1'].flatMap((version): ApiRoute[] => [
    { methods: ['GET'], pattern: `${version}/configuration/:name`, handler: get },
    { methods: ['GET'], pattern: `${version}/configuration/:name/subscribe`, handler: subscribe },
    { methods: ['GET'], pattern: `${version}/configuration/:name/:id/unsubscribe`, handler: unsubscribe },
  ]);
}

/** Returns a listener that sends each change to the app. As in daprd, a change that fails is lost after the retries. */
function sender(store: string, app: AppChannel, policy: Policy, log: Log): ConfigurationListener {
  const send = async (id: string, key: string, body: Buffer) => {
    try {
      await policy(async (signal) => {
        const path = `/configuration/${store}/${key}`;
        const { status } = await app.send({
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json' },
          body,
          signal,
        });
        if (status !== 200) throw new Error(`error sending configuration item to application, status ${status}`);
      });
    } catch (error) {
      log.error(`subscription ${id} to the configuration of ${store}: ${(error as Error).message}`);
    }
  };
  return (id, items) => {
    const body = Buffer.from(`${stringifyJson({ id, items: toJson(items) })}\n`);
    for (const key of Object.keys(items)) void send(id, key, body);
  };
}

const toJson = (items: object) => JSON.parse(JSON.stringify(items));
