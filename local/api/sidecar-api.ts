import type { Server } from 'node:http';
import type { AppChannel } from '../app-channel';
import type { Blocks } from '../building-blocks';
import type { Directory } from '../invocation/directory';
import type { LoadedComponents } from '../loaded-components';
import type { Log } from '../log';
import type { Outbox } from '../pubsub/outbox';
import type { Subscription } from '../pubsub/subscriptions';
import type { Policies } from '../resiliency/policy';
import { namespaceOf } from '../resources/component';
import { type Configuration, enabledFeatures } from '../resources/configuration';
import type { HttpEndpoint } from '../resources/endpoint';
import { joinRoute } from '../run/join';
import { MAX_BODY_BYTES, MAX_HEADER_BYTES, type SidecarOptions } from '../sidecar-options';
import type { Tracing } from '../tracing';
import { isRouteAllowed } from './api-access';
import { bulkPublishRoutes } from './bulk-publish';
import { allowOrigins } from './cors';
import { healthRoutes } from './health';
import { invokeRoute } from './invoke';
import { metadataRoutes } from './metadata';
import { notConfiguredRoutes } from './not-configured';
import { pageCheck } from './page-check';
import { createPublicApi } from './public';
import { publishRoute } from './publish';
import { createApi, PLAIN } from './router';
import { shutdownRoute } from './shutdown';
import { stateRoutes } from './state';
import { accessCheck, sidecarCheck } from './tokens';

export interface SidecarApiDependencies {
  options: SidecarOptions;
  /** The secret by which this sidecar recognises other sidecars of the same user. */
  secret: string;
  app: AppChannel | undefined;
  blocks: Blocks;
  components: LoadedComponents;
  outbox: Outbox;
  directory: Directory;
  policies: Policies;
  tracing: Tracing;
  configuration: Configuration;
  endpoints: () => readonly HttpEndpoint[];
  subscriptions: () => readonly Subscription[];
  /** Returns daprd's name for the part that is not ready; undefined when the sidecar is ready. */
  notReadyPart: () => string | undefined;
  isAppHealthy: () => boolean;
  /** Stops the sidecar. */
  close: () => void;
  log: Log;
}

/** The servers of one sidecar. They do not listen yet. */
export interface SidecarApi {
  api: Server;
  /** The server of the public port. */
  publicApi: Server;
}

/** The answer to a path without a route if the configuration does not allow invocation. */
const NOT_FOUND = { status: 404, headers: PLAIN, body: '404 page not found\n' };

/** Returns the servers of a sidecar. */
export function createSidecarApi(dependencies: SidecarApiDependencies): SidecarApi {
  const { options, secret, app, blocks, configuration, components, outbox, directory, policies, tracing, log } =
    dependencies;
  const { appId, appPort, apiToken, appToken, env = process.env, maxHeaderBytes = MAX_HEADER_BYTES, probe } = options;
  // daprd accepts one byte more than its limit.
  const maxBodyBytes = (options.maxBodyBytes ?? MAX_BODY_BYTES) + 1;
  const isFromSidecar = sidecarCheck(secret);
  const { pubsubs, stores } = components;
  const publishing = { appId, pubsubs, tracing };
  const health = healthRoutes(appId, dependencies.notReadyPart);
  const metadata = metadataRoutes({
    appId,
    appPort,
    appHealth: options.appHealth,
    features: () => enabledFeatures(configuration),
    components: () => components.metadata,
    resiliencies: () => policies.names,
    subscriptions: dependencies.subscriptions,
    endpoints: () => dependencies.endpoints().map(({ name }) => name),
  });
  const shared = { refusal: pageCheck(options, isFromSidecar), tracing, maxBodyBytes, maxHeaderBytes, log };
  const endpoint = (name: string) => dependencies.endpoints().find((candidate) => candidate.name === name);
  const apps = { appId, namespace: namespaceOf(env), apiToken, appToken, app, directory, secret, endpoint, probe };
  const api = createApi({
    ...shared,
    routes: [
      ...bulkPublishRoutes(publishing),
      publishRoute(publishing),
      ...stateRoutes({ appId, stores, outbox }),
      ...health,
      ...metadata,
      shutdownRoute(options.onShutdown ?? dependencies.close, options.onForcedShutdown),
      ...(options.onJoin ? [joinRoute(secret, options.onJoin)] : []),
      ...blocks.routes(),
      ...notConfiguredRoutes(appId, log),
      invokeRoute({ ...shared, ...apps, isAppHealthy: dependencies.isAppHealthy, policies }),
    ].map((route) => probe?.route(route) ?? route),
    isOpen: (route) => isRouteAllowed(route, configuration.apiAccess),
    isFromSidecar,
    pipeline: () => blocks.pipeline(configuration.httpPipeline),
    ...(!isRouteAllowed({ pattern: undefined }, configuration.apiAccess) && { noRoute: NOT_FOUND }),
    isAllowed: accessCheck(apiToken, isFromSidecar),
    cors: options.allowedOrigins ? allowOrigins(options.allowedOrigins) : undefined,
  });
  return { api, publicApi: createPublicApi([...health, ...metadata], shared) };
}
