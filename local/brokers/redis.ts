import { stringifyJson } from '../json/stringify';
import type { Log } from '../log';
import type { RedisConnection } from '../redis/connection';
import type { StreamSettings } from '../redis/settings';
import type { Broker, BrokerSubscription, Message, SubscribeOptions } from './broker';
import { StreamSubscription } from './redis-subscription';
import { WorkQueue } from './work-queue';

/**
 * A broker on Redis Streams in daprd's format, so that both can share one Redis. A topic is a stream. An entry has the
 * fields `data` and `metadata` (JSON). A group starts at the first entry, and its only consumer has the group's name. As
 * in daprd, a message whose handler rejects is acknowledged and lost, except during a stop or after the processing timeout.
 */
export class RedisBroker implements Broker {
  readonly capabilities = [];
  readonly maxBulkEntries = Number.POSITIVE_INFINITY;
  private readonly queue: WorkQueue;
  private readonly subscriptions = new Set<StreamSubscription>();

  constructor(
    private readonly connection: RedisConnection,
    /** Creates a connection for a subscription, because a blocking read occupies its connection. */
    private readonly connect: () => RedisConnection,
    private readonly settings: StreamSettings,
    private readonly log: Log,
  ) {
    this.queue = new WorkQueue(settings.maxConcurrent, settings.queueDepth);
  }

  async publish(topic: string, { data, metadata }: Message): Promise<void> {
    const { maxLenApprox, streamTtlMs } = this.settings;
    const trim: string[] = [];
    if (maxLenApprox > 0) trim.push('MAXLEN', '~', String(maxLenApprox));
    else if (streamTtlMs > 0) trim.push('MINID', '~', String(Date.now() - streamTtlMs));
    const fields: (string | Buffer)[] = ['data', data];
    if (metadata) fields.push('metadata', stringifyJson(Object.fromEntries(metadata)));
    try {
      await this.connection.send('XADD', topic, ...trim, '*', ...fields);
    } catch (error) {
      throw new Error(`redis streams: error from publish: ${(error as Error).message}`, { cause: error });
    }
  }

  async subscribe(options: SubscribeOptions): Promise<BrokerSubscription> {
    const { connection, connect, settings, queue, log } = this;
    const subscription = new StreamSubscription(options, {
      connection,
      reader: connect().open(),
      settings,
      queue,
      log,
    });
    this.subscriptions.add(subscription);
    await subscription.start();
    if (this.subscriptions.size === settings.poolSize) {
      log.warn(
        `${this.subscriptions.size} subscriptions would use up the Redis connections of daprd, whose publishes then hang: set the metadata poolSize above the number of subscriptions`,
      );
    }
    return {
      stop: async () => {
        await subscription.stop();
        this.subscriptions.delete(subscription);
      },
    };
  }

  async close(): Promise<void> {
    this.queue.clear();
    for (const subscription of this.subscriptions) subscription.abandon();
    this.connection.close();
  }
}
