import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pubsub } from '../api/publish';
import type { BrokerSubscription, Message } from '../brokers/broker';
import { withFloat64 } from '../json/float64';
import { printLikeGo } from '../json/go-print';
import { isTruthy } from '../json/go-truthy';
import { isJsonObject, type JsonObject, parseWholeJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import type { Log } from '../log';
import { retry } from '../resiliency/retry';
import type { RetrySpec } from '../resources/resiliency';
import type { StateStore } from '../stores/state-store';
import type { DeleteOperation, Operation, SetOperation } from '../stores/store';
import type { TraceContext } from '../tracing';
import { rfc3339, wrapData } from './envelope';
import type { OutboxSettings } from './outbox-settings';

export interface OutboxContext {
  appId: string;
  namespace: string;
  pubsubs: ReadonlyMap<string, OutboxPubsub>;
  stores: ReadonlyMap<string, StateStore>;
  log: Log;
}

export interface OutboxPubsub extends Pubsub {
  group: string;
  /** Whether the broker keeps a message that its handler has rejected. */
  isDurable: boolean;
}

/** The event of an outbox could not be stored on the internal topic. */
export class OutboxError extends Error {}

/** As daprd, the sidecar gives a transaction this time before it looks for its mark. */
const SCAN_DELAY_MS = 1_000;
/** The beginning of the key of a mark. As in daprd, it does not have the prefix of the app. */
const MARK = 'outbox-';
const RETRY: RetrySpec = {
  policy: 'exponential',
  durationMs: 0,
  initialIntervalMs: 500,
  multiplier: 3,
  randomizationFactor: 0.1,
  maxIntervalMs: 3_000,
  maxElapsedTimeMs: 10_000,
  maxRetries: -1,
  httpStatusCodes: undefined,
};

/**
 * Publishes an event for each upsert of a transaction. An event is first stored on an internal topic. The transaction
 * stores a mark beside its values. When the mark is found, the event is moved to its topic, and the mark is deleted.
 * https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-outbox/
 */
export class Outbox {
  private running: { store: StateStore; pubsub: OutboxPubsub; subscription: BrokerSubscription }[] = [];
  private readonly cutOff = new AbortController();
  /** The marks of transactions that will never be stored. */
  private readonly failed = new Set<string>();

  constructor(private readonly context: OutboxContext) {}

  /**
   * Stores the events of a transaction on the internal topic. Resolves with the operations of the transaction: those
   * that only give the data of an event are removed, and the marks are added.
   *
   * @throws {OutboxError} when an event could not be stored
   */
  async prepare(settings: OutboxSettings, operations: readonly Operation[], trace: TraceContext): Promise<Operation[]> {
    const projections = new Map<string, SetOperation>();
    const kept = operations.filter((operation) => {
      if (operation.operation !== 'set' || !isTruthy(operation.metadata.get('outbox.projection') ?? '')) return true;
      projections.set(operation.key, operation);
      return false;
    });
    const marks: Operation[] = [];
    for (const operation of kept) {
      if (operation.operation !== 'set') continue;
      const mark: SetOperation = {
        operation: 'set',
        key: MARK + randomUUID(),
        value: '0',
        etag: '',
        concurrency: '',
        consistency: '',
        metadata: new Map(),
        contentType: '',
      };
      const event = this.event(mark.key, settings, projections.get(operation.key) ?? operation, trace);
      for (const [name, value] of operation.metadata) if (name !== 'data' && name !== 'id') event[name] = value;
      await this.publish(settings.outboxPubsub, this.internalTopic(settings), event);
      marks.push(mark);
    }
    return [...kept, ...marks];
  }

  /** Drops the events of a transaction that has failed and will not be stored. */
  abandon(operations: readonly Operation[]): void {
    for (const { key } of operations) if (key.startsWith(MARK)) this.failed.add(key);
  }

  /** Subscribes to the internal topics of all outboxes. Call it again when components were added. */
  async start(): Promise<void> {
    const { stores, pubsubs, log } = this.context;
    for (const store of stores.values()) {
      const { outbox, name } = store;
      if (!outbox || this.running.some((subscribed) => subscribed.store === store)) continue;
      const pubsub = pubsubs.get(outbox.outboxPubsub);
      const silent = `the outbox of ${name} publishes nothing`;
      if (!pubsub) {
        log.warn(`${silent}: no pub/sub component has the name ${outbox.outboxPubsub}`);
        continue;
      }
      const handler = (message: Message) => this.forward(message, store, outbox, pubsub.isDurable);
      const options = { topic: this.internalTopic(outbox), group: pubsub.group, handler };
      try {
        this.running.push({ store, pubsub, subscription: await pubsub.broker.subscribe(options) });
      } catch (error) {
        log.error(`${silent}: ${(error as Error).message}`);
      }
    }
  }

  /** Ends the subscriptions that need a component. Resolves when the events in flight are finished. */
  async release(component: string): Promise<void> {
    const released = this.running.filter(({ store, pubsub }) => [store.name, pubsub.name].includes(component));
    this.running = this.running.filter((subscribed) => !released.includes(subscribed));
    await Promise.all(released.map(({ subscription }) => subscription.stop()));
  }

  /** Accepts no more events. Resolves with whether the events in flight are finished within `graceMs`. */
  async stop(graceMs: number): Promise<boolean> {
    const late = sleep(graceMs, false, { signal: this.cutOff.signal }).catch(() => false);
    const finished = Promise.all(this.running.splice(0).map(({ subscription }) => subscription.stop()));
    const clean = await Promise.race([finished.then(() => true), late]);
    this.cutOff.abort();
    return clean;
  }

  private internalTopic({ publishTopic }: OutboxSettings): string {
    const { namespace, appId } = this.context;
    return `${namespace}${appId}${publishTopic}outbox`;
  }

  private event(id: string, settings: OutboxSettings, source: SetOperation, trace: TraceContext): JsonObject {
    const { value, metadata, contentType } = source;
    const type = contentType || metadata.get('contentType') || '';
    const asText = () => (Buffer.isBuffer(value) ? value.toString() : printLikeGo(value));
    const data = type.toLowerCase() === 'application/json' && !Buffer.isBuffer(value) ? stringifyJson(value) : asText();
    return {
      id,
      specversion: '1.0',
      datacontenttype: type || 'text/plain',
      source: this.context.appId,
      type: 'com.dapr.event.sent',
      topic: '',
      pubsubname: settings.outboxPubsub,
      traceid: trace.traceparent,
      traceparent: '',
      tracestate: trace.tracestate,
      time: rfc3339(new Date()),
      ...wrapData(type || 'text/plain', Buffer.from(data)),
    };
  }

  /** Moves an event from the internal topic to its own topic when its transaction is stored. */
  private async forward(
    message: Message,
    state: StateStore,
    settings: OutboxSettings,
    isDurable: boolean,
  ): Promise<void> {
    const { log } = this.context;
    const { signal } = this.cutOff;
    const { storeName, publishPubsub, publishTopic, discardWhenMissingState } = settings;
    const event = parseWholeJson(message.data.toString());
    const key = isJsonObject(event) && typeof event.id === 'string' ? event.id : '';
    await sleep(SCAN_DELAY_MS, undefined, { signal });
    const isStored = async () => {
      if ((await state.store.get(key))?.data.length) return;
      throw new Error(`the transaction of ${key} is not in ${storeName}`);
    };
    try {
      await retry(RETRY, isStored, () => this.failed.has(key), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const isDropped = this.failed.delete(key) || discardWhenMissingState || !isDurable;
      log.error(
        `outbox of ${storeName}: ${(error as Error).message}; the event is ${isDropped ? 'dropped' : 'delivered again later'}`,
      );
      if (isDropped) return;
      throw error;
    }
    // daprd decodes the event in between, so that large numbers lose digits.
    const forwarded = withFloat64({ ...(event as JsonObject), topic: publishTopic, pubsubname: publishPubsub });
    await this.publish(publishPubsub, publishTopic, forwarded as JsonObject);
    const removal: DeleteOperation = { operation: 'delete', key, etag: '', concurrency: '', consistency: '' };
    await retry(
      RETRY,
      () => state.store.delete(removal),
      () => false,
      signal,
    );
  }

  private async publish(pubsubName: string, topic: string, event: JsonObject): Promise<void> {
    const { pubsubs, appId } = this.context;
    const pubsub = pubsubs.get(pubsubName);
    if (!pubsub) throw new OutboxError(`pubsub '${pubsubName}' not found`);
    if (!pubsub.scopes.mayPublish(topic)) throw new OutboxError(`topic ${topic} is not allowed for app id ${appId}`);
    const data = Buffer.from(stringifyJson(event));
    try {
      await pubsub.policy(() => pubsub.broker.publish(topic, { data, metadata: undefined }));
    } catch (error) {
      throw new OutboxError((error as Error).message, { cause: error });
    }
  }
}
