import { setMaxListeners } from 'node:events';
import { ApiError } from '../api/errors';
import { type Pubsub, publishTo } from '../api/publish';
import type { AppChannel } from '../app-channel';
import type { MessageHandler } from '../brokers/broker';
import type { Log } from '../log';
import type { Probe } from '../probe';
import type { Policies } from '../resiliency/policy';
import type { DeclaredSubscription } from '../resources/subscription';
import type { Tracing } from '../tracing';
import { Batcher, deliverBulk } from './bulk-delivery';
import { type DeliveryContext, deliver } from './delivery';
import {
  declareSubscriptions,
  discoverSubscriptions,
  mergeSubscriptions,
  requestConfig,
  type Subscription,
} from './subscriptions';

export interface ConsumersContext {
  appId: string;
  app: AppChannel;
  /** The paths of the app that are not requested: `config`, `subscribe`. */
  disabledInitEndpoints: readonly string[];
  pubsubs: ReadonlyMap<string, Pubsub & { group: string }>;
  policies: Policies;
  tracing: Tracing;
  log: Log;
  probe: Probe | undefined;
}

interface Consumer {
  subscription: Subscription;
  handler: MessageHandler;
  /** Ends the subscription. Resolves when the deliveries in flight are finished. */
  stop: () => Promise<void>;
}

/** Runs the subscriptions of one app. */
export class Consumers {
  /** The subscriptions of the app. They include paused subscriptions. */
  subscriptions: readonly Subscription[] = [];
  /** The subscriptions that the app lists. Undefined until it was asked. */
  private programmatic: readonly Subscription[] | undefined;
  private isStarted = false;
  private declared: readonly Subscription[];
  private running: Consumer[] = [];
  private readonly cutOff = new AbortController();
  /** Each change starts after this one is finished. */
  private lastChange: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: ConsumersContext,
    declared: readonly DeclaredSubscription[],
  ) {
    this.declared = declareSubscriptions(declared);
    // Each delivery in flight adds a listener. By default, Node reports more than 10 listeners as a leak.
    setMaxListeners(0, this.cutOff.signal);
  }

  /** Reads the subscriptions of the app at the first call, and starts deliveries. */
  start(): Promise<void> {
    return this.change(async () => {
      const { app, appId, disabledInitEndpoints, log } = this.context;
      if (!this.isStarted && !disabledInitEndpoints.includes('config')) await requestConfig(app, appId, log);
      this.isStarted = true;
      await this.apply();
    });
  }

  /** Asks the app again for its configuration and its subscriptions, and starts and ends deliveries accordingly. */
  async restart(): Promise<void> {
    if (!this.isStarted) return;
    this.isStarted = false;
    this.programmatic = undefined;
    await this.start();
  }

  /** Stops deliveries until `start`. Resolves when the deliveries in flight are finished. */
  pause(): Promise<void> {
    return this.change(() => this.end(this.running.splice(0)));
  }

  /** Returns the handler of a subscription's messages; undefined if the subscription does not run. */
  handlerOf(pubsubName: string, topic: string): MessageHandler | undefined {
    const isWanted = ({ subscription }: Consumer) =>
      subscription.pubsubName === pubsubName && subscription.topic === topic;
    return this.running.find(isWanted)?.handler;
  }

  /** Replaces the declared subscriptions. It stops removed subscriptions and starts new ones. */
  redeclare(declared: readonly DeclaredSubscription[]): Promise<void> {
    return this.change(async () => {
      this.declared = declareSubscriptions(declared);
      if (this.isStarted) await this.apply();
    });
  }

  /** Ends the subscriptions of a component. Resolves when the deliveries in flight are finished. */
  release(pubsubName: string): Promise<void> {
    return this.change(() => {
      const released = this.running.filter(({ subscription }) => subscription.pubsubName === pubsubName);
      this.running = this.running.filter((consumer) => !released.includes(consumer));
      return this.end(released);
    });
  }

  /** Stops deliveries. Resolves with true when the deliveries in flight are finished, or with false after `graceMs`. */
  async stop(graceMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), graceMs);
    });
    const clean = await Promise.race([this.pause().then(() => true), late]);
    clearTimeout(timer);
    this.cutOff.abort();
    return clean;
  }

  private change(make: () => Promise<unknown>): Promise<void> {
    this.lastChange = this.lastChange.then(make).then(
      () => {},
      (error: Error) => this.context.log.error(error.message),
    );
    return this.lastChange;
  }

  private async apply(): Promise<void> {
    const { app, appId, disabledInitEndpoints, pubsubs, log } = this.context;
    // Without a pub/sub component, daprd does not request the subscriptions either.
    const asks = pubsubs.size > 0 && !disabledInitEndpoints.includes('subscribe');
    if (asks) this.programmatic ??= await discoverSubscriptions(app, appId, log);
    const wanted = mergeSubscriptions(this.declared, this.programmatic ?? []);
    this.subscriptions = wanted;
    const removed = this.running.filter(({ subscription }) => !wanted.some((other) => isSame(subscription, other)));
    this.running = this.running.filter((consumer) => !removed.includes(consumer));
    await this.end(removed);
    for (const subscription of wanted) {
      if (!this.running.some((consumer) => isSame(consumer.subscription, subscription))) await this.begin(subscription);
    }
  }

  private end(consumers: readonly Consumer[]): Promise<unknown> {
    return Promise.all(consumers.map(({ stop }) => stop()));
  }

  private async begin(subscription: Subscription): Promise<void> {
    const { pubsubs, log, appId } = this.context;
    const { pubsubName, topic } = subscription;
    const pubsub = pubsubs.get(pubsubName);
    if (!pubsub) return log.error(`subscription to ${topic}: no pub/sub component has the name ${pubsubName}`);
    if (!pubsub.scopes.maySubscribe(topic)) {
      return log.error(`subscription to ${topic}: the scopes of ${pubsubName} do not allow it for app ${appId}`);
    }
    let isStopping = false;
    const handler = this.handlerFor(subscription, pubsub, () => isStopping);
    try {
      const subscribed = await pubsub.broker.subscribe({ topic, group: pubsub.group, handler });
      const stop = () => {
        isStopping = true;
        return subscribed.stop();
      };
      this.running.push({ subscription, handler, stop });
    } catch (error) {
      log.error(`subscription to ${topic} on ${pubsubName}: ${(error as Error).message}`);
    }
  }

  private handlerFor(subscription: Subscription, pubsub: Pubsub, isStopping: () => boolean): MessageHandler {
    const { app, policies, tracing, log, probe } = this.context;
    const { signal } = this.cutOff;
    const context: DeliveryContext = {
      app: probe?.app(app, subscription) ?? app,
      subscription,
      policy: policies.component(pubsub.name, 'Pubsub', 'Inbound'),
      tracing,
      log,
      publish: (topic, message) => this.publishDeadLetter(pubsub, topic, message, subscription),
      isStopping,
    };
    const { bulkSubscribe } = subscription;
    if (!bulkSubscribe.enabled) return (message) => deliver(message, context, signal);
    const batcher = () => new Batcher(bulkSubscribe, (messages) => deliverBulk(messages, context, signal));
    if (pubsub.broker.maxBulkEntries === 1) return (message) => batcher().add(message);
    const shared = batcher();
    return (message) => shared.add(message);
  }

  /** Publishes a dead letter. As with daprd, the dead letter is lost if the scopes forbid the topic. */
  private async publishDeadLetter(
    pubsub: Pubsub,
    topic: string,
    message: Parameters<MessageHandler>[0],
    subscription: Subscription,
  ): Promise<void> {
    try {
      await publishTo(pubsub, topic, message, this.context.appId);
      this.context.probe?.deadLetter(message, subscription);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
      this.context.log.error(`a dead letter is lost: ${error.message}`);
    }
  }
}

/** Returns whether two subscriptions are equal. It does not compare the route, because the rules determine it. */
const isSame = (a: Subscription, b: Subscription): boolean => JSON.stringify(essence(a)) === JSON.stringify(essence(b));

const essence = ({ route: _, metadata, ...rest }: Subscription) => ({ ...rest, metadata: [...metadata] });
