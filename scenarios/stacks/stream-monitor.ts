import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { SUBSCRIBERS } from './stack';

const TOPIC = 'followerAdded';
const POLL_MS = 20;

const createRedisClient = (port: number) => createClient({ url: `redis://127.0.0.1:${port}` });

/** Counts the events in the streams of Redis, the broker. */
export class StreamMonitor {
  private constructor(private readonly client: ReturnType<typeof createRedisClient>) {}

  static async connect(redisPort: number): Promise<StreamMonitor> {
    const client = createRedisClient(redisPort);
    // A test may kill Redis and start it again. The client then connects again without our help.
    await client.on('error', () => {}).connect();
    return new StreamMonitor(client);
  }

  /** Resolves with the number of published events. */
  published = (): Promise<number> => this.client.xLen(TOPIC);

  /** Resolves with the number of dead letters, including those that were replayed. */
  async deadLetters(): Promise<number> {
    const lengths = await Promise.all(SUBSCRIBERS.map((service) => this.client.xLen(`${service}-dead-letters`)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /**
   * Resolves with the number of deliveries that the subscribers have not acknowledged yet. An event counts once for each
   * subscriber.
   *
   * @throws {Error} with a Redis older than version 7, which does not report the number
   */
  async unacknowledged(): Promise<number> {
    const groups = await this.client.xInfoGroups(TOPIC).catch((error: Error) => {
      if (error.message.includes('no such key')) return []; // no event is published and no service has subscribed yet
      throw error;
    });
    return groups.reduce((sum, { pending, lag }) => {
      if (typeof lag !== 'number')
        throw new Error('Redis does not report the lag of a consumer group; install Redis 7 or newer');
      return sum + Number(pending) + lag;
    }, 0);
  }

  /**
   * Resolves when the subscribers have acknowledged all events, with that time in milliseconds since the epoch.
   *
   * @throws {Error} when that takes longer than `withinMs`
   */
  async waitUntilDrained(withinMs: number): Promise<number> {
    for (const deadline = Date.now() + withinMs; ; await sleep(POLL_MS)) {
      const unacknowledged = await this.unacknowledged();
      if (unacknowledged === 0) return Date.now();
      if (Date.now() > deadline)
        throw new Error(`${unacknowledged} deliveries are not acknowledged within ${withinMs} ms`);
    }
  }

  /** Makes the subscribers skip the events that are not delivered yet. */
  async skipUndelivered(): Promise<void> {
    const { 'entries-added': ENTRIESREAD } = await this.client.xInfoStream(TOPIC);
    for (const service of SUBSCRIBERS) {
      await this.client.xGroupSetId(TOPIC, service, '$', { ENTRIESREAD: Number(ENTRIESREAD) });
    }
  }

  close(): void {
    this.client.destroy();
  }
}
