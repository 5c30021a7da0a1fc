import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bulkPublishRoutes } from './api/bulk-publish';
import { allowOrigins } from './api/cors';
import { healthRoutes } from './api/health';
import { invokeRoute } from './api/invoke';
import { listen } from './api/listen';
import { type ComponentMetadata, metadataRoutes } from './api/metadata';
import { notConfiguredRoutes } from './api/not-configured';
import { pageCheck } from './api/page-check';
import { createPublicApi } from './api/public';
import { type Pubsub, publishRoute } from './api/publish';
import { accessCheck, createApi } from './api/router';
import { shutdownRoute } from './api/shutdown';
import { type StateStore, stateRoutes } from './api/state';
import { AppChannel } from './app-channel';
import { AppHealth } from './app-health';
import { Blocks } from './building-blocks';
import { createComponent, keyPrefix, SharedMemory } from './components';
import { Directory } from './invocation/directory';
import { type Log, silent } from './log';
import { Consumers } from './pubsub/consumers';
import { readScopes } from './pubsub/scopes';
import { Policies } from './resiliency/policy';
import { type Component, namespaceOf } from './resources/component';
import { loadConfiguration } from './resources/configuration';
import { inMemoryResources } from './resources/in-memory';
import { loadResources, type Resources } from './resources/load';
import { watchFolders } from './resources/watch-folders';
import { joinRoute } from './run/join';
import {
  GRACEFUL_SHUTDOWN_MS,
  LISTEN_ADDRESS,
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  type SidecarOptions,
} from './sidecar-options';
import { Tracing } from './tracing';

export type { SidecarOptions };
export { SharedMemory };

const APP_POLL_MS = 50;

type Phase = 'starting' | 'ready' | 'closing';

/** A Dapr sidecar. `startSidecar` creates and starts one. */
export class Sidecar {
  private readonly pubsubs = new Map<string, Pubsub & { group: string }>();
  private readonly stores = new Map<string, StateStore>();
  readonly blocks: Blocks;
  private readonly components: ComponentMetadata[] = [];
  private readonly policies: Policies;
  private readonly app: AppChannel | undefined;
  private readonly appHealth: AppHealth | undefined;
  /** The subscriptions of the app. Undefined without an app. */
  readonly consumers: Consumers | undefined;
  private readonly server: Server;
  /** The server of the public port. */
  private readonly publicServer: Server;
  private listeners: { close(): unknown }[] = [];
  private readonly directory: Directory;
  private readonly secret = randomBytes(16).toString('hex');
  private readonly log: Log;
  private phase: Phase = 'starting';
  private closing: Promise<boolean> | undefined;
  private unlist = () => {};
  private unwatch = () => {};

  /** @throws {ResourceError} for an invalid configuration file */
  constructor(
    private readonly options: SidecarOptions,
    private readonly resources: Resources,
  ) {
    const { appId, appPort, apiToken, configFile, log = silent, maxHeaderBytes = MAX_HEADER_BYTES, probe } = options;
    // daprd accepts one byte more than its limit.
    const maxBodyBytes = (options.maxBodyBytes ?? MAX_BODY_BYTES) + 1;
    this.log = log;
    this.directory = options.directory ?? new Directory();
    const { pubsubs, stores, directory, secret } = this;
    const policies = new Policies(resources.resiliencies, log);
    this.policies = policies;
    const { samplingRate, secretScopes = [] } = configFile === undefined ? {} : loadConfiguration(configFile, log);
    const tracing = new Tracing(samplingRate);
    if (appPort !== undefined) {
      const maxConcurrent = options.appMaxConcurrency ?? Number.POSITIVE_INFINITY;
      const app = new AppChannel(appPort, { token: options.appToken, maxConcurrent, maxBodyBytes, maxHeaderBytes });
      this.app = app;
      this.consumers = new Consumers({ appId, app, pubsubs, policies, tracing, log, probe }, resources.subscriptions);
      const onChange = (healthy: boolean) => void (healthy ? this.consumers?.start() : this.consumers?.pause());
      if (options.appHealth) this.appHealth = new AppHealth(app, options.appHealth, onChange, log);
    }
    this.blocks = new Blocks({ policies, secretScopes, app: this.app, tracing, log, probe });
    const publishing = { appId, pubsubs, tracing };
    const namespace = namespaceOf(options.env ?? process.env);
    const isAppHealthy = () => this.appHealth?.isHealthy ?? true;
    const health = healthRoutes(() => this.notReadyPart());
    const metadata = metadataRoutes({
      appId,
      appPort,
      appHealth: options.appHealth,
      components: () => this.components,
      resiliencies: () => this.resources.resiliencies.map(({ name }) => name),
      subscriptions: () => this.consumers?.subscriptions ?? [],
    });
    const shared = { refusal: pageCheck(options, secret), tracing, maxBodyBytes, maxHeaderBytes, log };
    const apps = { appId, namespace, apiToken, app: this.app, directory, secret, probe };
    this.publicServer = createPublicApi([...health, ...metadata], shared);
    this.server = createApi({
      ...shared,
      routes: [
        ...bulkPublishRoutes(publishing),
        publishRoute(publishing),
        ...stateRoutes({ appId, stores }),
        ...health,
        ...metadata,
        shutdownRoute(options.onShutdown ?? (() => void this.close())),
        ...(options.onJoin ? [joinRoute(secret, options.onJoin)] : []),
        ...this.blocks.routes(),
        ...notConfiguredRoutes(appId, log),
        invokeRoute({ ...shared, ...apps, isAppHealthy, policies }),
      ].map((route) => probe?.route(route) ?? route),
      isAllowed: accessCheck(apiToken, secret),
      cors: options.allowedOrigins ? allowOrigins(options.allowedOrigins) : undefined,
    });
  }

  /** The port of the Dapr API. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get hasSubscriptions(): boolean {
    return (this.consumers?.subscriptions.length ?? 0) > 0;
  }

  /** Creates the components and listens. @throws {ResourceError} for an invalid component */
  async listen(): Promise<void> {
    const { appId, httpPort = 0, listenAddresses = [LISTEN_ADDRESS], memory = new SharedMemory() } = this.options;
    const { publicPort, publicListenAddress = listenAddresses[0] ?? LISTEN_ADDRESS } = this.options;
    for (const component of this.resources.components) await this.addComponent(component, memory);
    this.listeners = await listen(this.server, httpPort, listenAddresses, this.log);
    if (publicPort !== undefined) await listen(this.publicServer, publicPort, [publicListenAddress], this.log);
    this.unlist = this.directory.add({ appId, port: this.port, secret: this.secret });
  }

  /** Waits for the app, reads its subscriptions and starts deliveries. Resolves early when the sidecar closes. */
  async start(): Promise<void> {
    const { app, appHealth } = this;
    if (app) {
      while (this.phase === 'starting' && !(await app.isUp())) await sleep(APP_POLL_MS);
      if (this.phase !== 'starting') return;
      if (appHealth) appHealth.start();
      else await this.consumers?.start();
      this.watchResources();
    }
    if (this.phase === 'starting') this.phase = 'ready';
  }

  /**
   * Accepts no more messages, waits at most `graceMs` for the deliveries in flight, and closes. The API answers until
   * then, because the app may need it to finish. Resolves with whether all deliveries in flight have finished.
   */
  close(graceMs = this.options.gracefulShutdownMs ?? GRACEFUL_SHUTDOWN_MS): Promise<boolean> {
    this.closing ??= this.drainAndClose(graceMs);
    return this.closing;
  }

  private async drainAndClose(graceMs: number): Promise<boolean> {
    this.phase = 'closing';
    this.unlist();
    this.unwatch();
    this.appHealth?.stop();
    const blocked = sleep(this.options.blockShutdownMs ?? 0);
    const clean = (await this.consumers?.stop(graceMs + (this.options.blockShutdownMs ?? 0))) ?? true;
    await blocked;
    this.blocks.close();
    this.app?.close();
    for (const listener of this.listeners) listener.close();
    const servers = [this.server, this.publicServer];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
    await Promise.all([...this.pubsubs.values()].map(({ broker }) => broker.close()));
    await Promise.all([...this.stores.values()].map(({ store }) => store.close()));
    return clean;
  }

  private async addComponent(component: Component, memory: SharedMemory): Promise<void> {
    const { name, type, version, metadata } = component;
    const { appId, env = process.env } = this.options;
    const created = await createComponent(component, { memory, env, log: this.log }).catch((error: Error) => {
      if (!component.ignoreErrors) throw error;
      this.log.warn(`${error.message}; the component is ignored because of its ignoreErrors`);
    });
    if (!created) return;
    if (created.kind === 'pubsub') {
      const broker = this.options.probe?.broker(component, created.part) ?? created.part;
      const policy = this.policies.component(name, 'Pubsub', 'Outbound');
      const group = metadata.get('consumerID')?.trim() || appId;
      this.pubsubs.set(name, { name, broker, policy, scopes: readScopes(component, appId), group });
    } else if (created.kind === 'state') {
      const policy = this.policies.component(name, 'Statestore', 'Outbound');
      this.stores.set(name, { name, store: created.part, policy, keyPrefix: keyPrefix(component, appId, env) });
    } else this.blocks.add(name, created.part);
    this.components.push({ name, type, version, capabilities: created.part.capabilities });
  }

  /** Returns daprd's name for the part that is not ready; undefined when the sidecar is ready. */
  private notReadyPart(): string | undefined {
    if (this.phase === 'ready') return undefined;
    return this.phase === 'starting' ? 'runtime' : 'security-provider';
  }

  /** Reloads the subscriptions when a file changes, as daprd does. Other resources need a new start of the sidecar. */
  private watchResources(): void {
    const { appId, resourcesPaths = [], env = process.env } = this.options;
    const reload = () => {
      if (this.phase === 'closing') return;
      try {
        void this.consumers?.redeclare(loadResources(resourcesPaths, appId, env, silent).subscriptions);
      } catch (error) {
        this.log.error(`the changed resources are ignored: ${(error as Error).message}`);
      }
    };
    this.unwatch = watchFolders(resourcesPaths, reload, this.log);
  }
}

/**
 * Resolves with a sidecar when it delivers events. The app must listen before that. `await sidecar.close()` stops it.
 *
 * @throws {ResourceError} for an invalid resource
 * @throws {Error} with the code EADDRINUSE when the port is in use
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { appId, resourcesPaths, env = process.env, log = silent } = options;
  const resources = resourcesPaths ? loadResources(resourcesPaths, appId, env, log) : inMemoryResources();
  const sidecar = new Sidecar(options, resources);
  try {
    await sidecar.listen();
  } catch (error) {
    await sidecar.close();
    throw error;
  }
  await sidecar.start();
  return sidecar;
}
