import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeServers, listen } from './api/listen';
import { createSidecarApi, type SidecarApi } from './api/sidecar-api';
import { AppChannel } from './app-channel';
import { AppHealth } from './app-health';
import { Blocks } from './building-blocks';
import { SharedMemory } from './components';
import { hotReload } from './hot-reload';
import { Directory } from './invocation/directory';
import { LoadedComponents } from './loaded-components';
import { type Log, silent } from './log';
import { Consumers } from './pubsub/consumers';
import { Outbox } from './pubsub/outbox';
import { declaredOnly } from './pubsub/subscriptions';
import { Policies } from './resiliency/policy';
import { namespaceOf } from './resources/component';
import { isHotReloadOn, loadConfiguration, NO_CONFIGURATION } from './resources/configuration';
import type { HttpEndpoint } from './resources/endpoint';
import { inMemoryResources } from './resources/in-memory';
import { loadResources, type Resources } from './resources/load';
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
  readonly blocks: Blocks;
  private readonly components: LoadedComponents;
  private readonly policies: Policies;
  private readonly app: AppChannel | undefined;
  private readonly appHealth: AppHealth | undefined;
  /** The subscriptions of the app. Undefined without an app. */
  readonly consumers: Consumers | undefined;
  private readonly outbox: Outbox;
  private readonly servers: SidecarApi;
  private listeners: { close(): unknown }[] = [];
  private readonly directory: Directory;
  private readonly secret = randomBytes(16).toString('hex');
  private readonly isHotReloadOn: boolean;
  private endpoints: readonly HttpEndpoint[];
  private readonly log: Log;
  private phase: Phase = 'starting';
  private closing: Promise<boolean> | undefined;
  /** The port of the Dapr API. 0 before `listen`. */
  port = 0;
  private unlist = () => {};
  private unwatch = () => {};

  /** @throws {ResourceError} for an invalid configuration file */
  constructor(
    private readonly options: SidecarOptions,
    private readonly resources: Resources,
  ) {
    const { appId, appPort, configFile, log = silent, maxHeaderBytes = MAX_HEADER_BYTES, probe } = options;
    const { disabledInitEndpoints = [], env = process.env } = options;
    // daprd accepts one byte more than its limit.
    const maxBodyBytes = (options.maxBodyBytes ?? MAX_BODY_BYTES) + 1;
    this.log = log;
    this.endpoints = resources.endpoints;
    this.directory = options.directory ?? new Directory();
    const policies = new Policies(resources.resiliencies, log);
    this.policies = policies;
    const configuration = configFile === undefined ? NO_CONFIGURATION : loadConfiguration(configFile, env, log);
    const { secretScopes } = configuration;
    const tracing = new Tracing(configuration.samplingRate);
    this.isHotReloadOn = isHotReloadOn(configuration);
    if (appPort !== undefined) {
      const maxConcurrent = options.appMaxConcurrency ?? Number.POSITIVE_INFINITY;
      const pipeline = () => this.blocks.pipeline(configuration.appHttpPipeline);
      const limits = { maxConcurrent, maxBodyBytes, maxHeaderBytes };
      this.app = new AppChannel(appPort, { token: options.appToken, pipeline, ...limits });
    }
    const { app } = this;
    this.blocks = new Blocks({ policies, secretScopes, app, tracing, log, probe });
    const { memory = new SharedMemory() } = options;
    this.components = new LoadedComponents({ appId, env, memory, policies, blocks: this.blocks, probe, log });
    const { pubsubs, stores } = this.components;
    if (app) {
      this.consumers = new Consumers(
        { appId, app, disabledInitEndpoints, pubsubs, policies, tracing, log, probe },
        resources.subscriptions,
      );
      const onChange = (healthy: boolean) => void (healthy ? this.consumers?.start() : this.consumers?.pause());
      if (options.appHealth) this.appHealth = new AppHealth(app, options.appHealth, onChange, log);
    }
    this.outbox = new Outbox({ appId, namespace: namespaceOf(env), pubsubs, stores, log });
    this.servers = createSidecarApi({
      options,
      secret: this.secret,
      components: this.components,
      outbox: this.outbox,
      directory: this.directory,
      configuration,
      endpoints: () => this.endpoints,
      subscriptions: () => this.consumers?.subscriptions ?? declaredOnly(this.resources.subscriptions),
      notReadyPart: () => this.notReadyPart(),
      isAppHealthy: () => this.appHealth?.isHealthy ?? true,
      close: () => void this.close(),
      ...{ app, blocks: this.blocks, policies, tracing, log },
    });
  }

  get hasSubscriptions(): boolean {
    return (this.consumers?.subscriptions.length ?? 0) > 0;
  }

  /** Creates the components and listens. @throws {ResourceError} for an invalid component */
  async listen(): Promise<void> {
    const { appId, httpPort = 0, listenAddresses = [LISTEN_ADDRESS] } = this.options;
    const { publicPort, publicListenAddress = listenAddresses[0] ?? LISTEN_ADDRESS } = this.options;
    for (const component of this.resources.components) await this.components.add(component);
    this.listeners = await listen(this.servers.api, httpPort, listenAddresses, this.log);
    this.port = (this.servers.api.address() as AddressInfo).port;
    if (publicPort !== undefined) await listen(this.servers.publicApi, publicPort, [publicListenAddress], this.log);
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
    }
    await this.outbox.start();
    this.watchResources();
    if (this.phase === 'starting') this.phase = 'ready';
  }

  /**
   * Accepts no more messages, waits at most `graceMs` for the deliveries in flight, and then for the calls of the API
   * that have no answer yet, and closes. The API answers until the last delivery, because the app may need it to finish.
   * Resolves with whether all of them have finished.
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
    const stopMs = graceMs + (this.options.blockShutdownMs ?? 0);
    const deadline = Date.now() + stopMs;
    const [moved, delivered = true] = await Promise.all([this.outbox.stop(stopMs), this.consumers?.stop(stopMs)]);
    await blocked;
    for (const listener of this.listeners) listener.close();
    const answered = await closeServers(Object.values(this.servers), deadline - Date.now());
    this.blocks.close();
    this.app?.close();
    await this.components.close();
    return moved && delivered && answered;
  }

  /** Returns daprd's name for the part that is not ready; undefined when the sidecar is ready. */
  private notReadyPart(): string | undefined {
    if (this.phase === 'ready') return undefined;
    return this.phase === 'starting' ? 'runtime' : 'security-provider';
  }

  /** Follows the changes of the resource files, unless the configuration switches that off. */
  private watchResources(): void {
    const { appId, resourcesPaths = [], env = process.env } = this.options;
    if (this.phase === 'closing' || !this.isHotReloadOn) return;
    this.unwatch = hotReload({
      folders: resourcesPaths,
      loaded: this.resources,
      load: () => loadResources(resourcesPaths, appId, env, silent),
      remove: async ({ name }) => {
        await this.consumers?.release(name);
        await this.outbox.release(name);
        await this.components.remove(name);
      },
      add: (component) => this.components.add(component),
      apply: async ({ resiliencies, subscriptions, endpoints }) => {
        this.endpoints = endpoints;
        const isChanged = this.policies.replace(resiliencies);
        await this.consumers?.redeclare(subscriptions);
        await this.outbox.start();
        // daprd starts anew with another Resiliency, so it asks the app again.
        if (isChanged && (this.appHealth?.isHealthy ?? true)) await this.consumers?.restart();
      },
      onFailure: (error) => {
        this.log.error(`the sidecar follows no more changes of its resources: ${error.message}`);
        this.options.onReloadFailed?.(error);
      },
      log: this.log,
    });
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
