import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { healthRoute } from './api/health';
import { metadataRoutes } from './api/metadata';
import { type Pubsub, publishRoute } from './api/publish';
import { createApi } from './api/router';
import { AppChannel } from './app-channel';
import type { BrokerSubscription } from './brokers/broker';
import { createBroker, SharedMemory, unsupportedMetadata } from './components';
import type { Environment } from './environment';
import { type Log, silent } from './log';
import { type DeliveryContext, deliver } from './pubsub/delivery';
import { readScopes } from './pubsub/scopes';
import {
  declareSubscriptions,
  discoverSubscriptions,
  mergeSubscriptions,
  type Subscription,
} from './pubsub/subscriptions';
import { Policies } from './resiliency/policy';
import type { Component } from './resources/component';
import { loadConfiguration } from './resources/configuration';
import { loadResources, type Resources } from './resources/load';
import { Tracing } from './tracing';

export interface SidecarOptions {
  appId: string;
  /** Where the app listens; none: nothing is delivered. */
  appPort?: number;
  /** 0, the default: a free port. */
  httpPort?: number;
  listenAddress?: string;
  resourcesPaths?: readonly string[];
  configFile?: string;
  apiToken?: string;
  appToken?: string;
  appMaxConcurrency?: number;
  maxBodyBytes?: number;
  /** How long deliveries under way may take once the sidecar is closing. */
  gracefulShutdownMs?: number;
  memory?: SharedMemory;
  env?: Environment;
  log?: Log;
}

// 4 MiB, and the one byte more that daprd lets through.
const MAX_BODY_BYTES = 4 * 1024 * 1024 + 1;
export const GRACEFUL_SHUTDOWN_MS = 5_000;
const APP_POLL_MS = 50;

interface PubsubComponent extends Pubsub {
  component: Component;
}

/** A Dapr sidecar that listens. */
export class Sidecar {
  private readonly pubsubs = new Map<string, PubsubComponent>();
  private readonly policies: Policies;
  private readonly tracing: Tracing;
  private readonly app: AppChannel | undefined;
  private readonly server: Server;
  private readonly stopped = new AbortController();
  private readonly brokerSubscriptions: BrokerSubscription[] = [];
  private subscriptions: Subscription[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private phase: 'starting' | 'ready' | 'closing' = 'starting';
  private closing: Promise<boolean> | undefined;
  private readonly log: Log;

  constructor(
    private readonly options: SidecarOptions,
    private readonly resources: Resources,
  ) {
    const { appId, appPort, apiToken, appToken, configFile, maxBodyBytes = MAX_BODY_BYTES } = options;
    const { log = silent } = options;
    this.log = log;
    this.policies = new Policies(resources.resiliencies, log);
    this.tracing = new Tracing(configFile === undefined ? undefined : loadConfiguration(configFile, log).samplingRate);
    if (appPort !== undefined) {
      const maxConcurrency = options.appMaxConcurrency ?? Number.POSITIVE_INFINITY;
      this.app = new AppChannel(appPort, { token: appToken, maxConcurrency, maxBodyBytes });
    }
    const { pubsubs, tracing } = this;
    const routes = [
      healthRoute(() => (this.phase === 'ready' ? [] : ['runtime'])),
      ...metadataRoutes({
        appId,
        appPort,
        components: () =>
          [...pubsubs.values()].map(({ component: { name, type, version }, broker: { capabilities } }) => ({
            name,
            type,
            version,
            capabilities,
          })),
        subscriptions: () => this.subscriptions,
      }),
      publishRoute({ appId, pubsubs, tracing }),
    ];
    this.server = createApi({ routes, token: apiToken, maxBodyBytes, log });
  }

  /** The port of the Dapr API. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get hasSubscriptions(): boolean {
    return this.subscriptions.length > 0;
  }

  /** Creates the components and listens. @throws {ResourceError} for a component that cannot be used */
  async listen(): Promise<void> {
    const { appId, memory = new SharedMemory(), httpPort = 0, listenAddress = '127.0.0.1' } = this.options;
    for (const component of this.resources.components) {
      const broker = await createBroker(component, { appId, memory });
      for (const name of unsupportedMetadata(component)) {
        this.log.warn(
          `${component.file}: component ${component.name}: metadata ${name} is not supported and is ignored`,
        );
      }
      const { name } = component;
      const scopes = readScopes(component, appId);
      this.pubsubs.set(name, {
        name,
        component,
        broker,
        scopes,
        policy: this.policies.component(name, 'Pubsub', 'Outbound'),
      });
    }
    this.server.listen(httpPort, listenAddress);
    await once(this.server, 'listening');
  }

  /** Waits for the app, asks what it subscribes to, and begins to deliver. Resolves early when the sidecar closes. */
  async start(): Promise<void> {
    const { app, stopped } = this;
    if (app) {
      while (!stopped.signal.aborted && !(await app.isUp())) await sleep(APP_POLL_MS);
      if (stopped.signal.aborted) return;
      await this.subscribeAll(app);
    }
    if (this.phase === 'starting') this.phase = 'ready';
  }

  private async subscribeAll(app: AppChannel): Promise<void> {
    const { appId } = this.options;
    const headers = { 'content-type': 'application/json', 'dapr-app-id': appId };
    await app.send({ method: 'GET', path: '/dapr/config', headers }).catch((error) => this.log.warn(error.message));
    const programmatic = await discoverSubscriptions(app, appId, this.log);
    const declared = declareSubscriptions(this.resources.subscriptions, this.log);
    this.subscriptions = mergeSubscriptions(declared, programmatic);
    for (const subscription of this.subscriptions) await this.subscribe(subscription, app);
  }

  private async subscribe(subscription: Subscription, app: AppChannel): Promise<void> {
    const { pubsubName, topic } = subscription;
    const { log, tracing, options } = this;
    const pubsub = this.pubsubs.get(pubsubName);
    if (!pubsub) return log.error(`subscription to ${topic}: there is no pub/sub component named ${pubsubName}`);
    if (!pubsub.scopes.maySubscribe(topic)) {
      return log.error(`subscription to ${topic}: the scopes of ${pubsubName} do not allow it for ${options.appId}`);
    }
    const context: DeliveryContext = {
      app,
      subscription,
      policy: this.policies.component(pubsubName, 'Pubsub', 'Inbound'),
      tracing,
      log,
      publish: (deadLetterTopic, message) => pubsub.broker.publish(deadLetterTopic, message),
    };
    const handler = (message: Parameters<typeof deliver>[0]) => {
      const delivery = deliver(message, context, this.stopped.signal);
      const tracked = delivery.catch(() => {}).finally(() => this.underWay.delete(tracked));
      this.underWay.add(tracked);
      return delivery;
    };
    const group = pubsub.component.metadata.get('consumerID') || options.appId;
    this.brokerSubscriptions.push(await pubsub.broker.subscribe({ topic, group, handler }));
  }

  /**
   * Takes no more messages, lets deliveries under way finish within the grace period, and closes. The API answers
   * until then, because an app may need it to finish. Resolves with whether everything under way was finished.
   */
  close(graceMs = this.options.gracefulShutdownMs ?? GRACEFUL_SHUTDOWN_MS): Promise<boolean> {
    this.closing ??= this.drainAndClose(graceMs);
    return this.closing;
  }

  private async drainAndClose(graceMs: number): Promise<boolean> {
    this.phase = 'closing';
    await Promise.all(this.brokerSubscriptions.map((subscription) => subscription.stop()));
    const clean = await this.drain(graceMs);
    this.stopped.abort();
    this.app?.close();
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
    await Promise.all([...this.pubsubs.values()].map(({ broker }) => broker.close()));
    return clean;
  }

  private async drain(graceMs: number): Promise<boolean> {
    const grace = new AbortController();
    const timeout = sleep(graceMs, false, { signal: grace.signal }).catch(() => true);
    const finished = Promise.all(this.underWay).then(() => true);
    const clean = await Promise.race([finished, timeout]);
    grace.abort();
    return clean;
  }
}

/**
 * Starts a sidecar and resolves once it delivers. `await sidecar.close()` ends it.
 *
 * @throws {ResourceError} when a resource cannot be used, and whatever listening throws
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { appId, resourcesPaths = [], env = process.env, log = silent } = options;
  const sidecar = new Sidecar(options, loadResources(resourcesPaths, appId, env, log));
  await sidecar.listen();
  await sidecar.start();
  return sidecar;
}
