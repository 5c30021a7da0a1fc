import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { SUBSCRIBERS } from './stack';

const TOPIC = 'followerAdded';
const POLL_MS = 20;

const createRedisClient = (port: number) => createClient({ url: `redis://127.0.0.1:${port}` });

/** What Redis, as the broker, tells of the events. */
export class StreamMonitor {
  private constructor(private readonly client: ReturnType<typeof createRedisClient>) {}

  static async connect(redisPort: number): Promise<StreamMonitor> {
    const client = createRedisClient(redisPort);
    // Redis may be killed and come back; the client connects again by itself.
    await client.on('error', () => {}).connect();
    return new StreamMonitor(client);
  }

  /** Events that have been published. */
  published = (): Promise<number> => this.client.xLen(TOPIC);

  /** Dead letters, replayed ones among them. */
  async deadLetters(): Promise<number> {
    const lengths = await Promise.all(SUBSCRIBERS.map((service) => this.client.xLen(`${service}-dead-letters`)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /** Deliveries that no subscriber has acknowledged yet. @throws {Error} when Redis does not tell, as before version 7 */
  async left(): Promise<number> {
    const groups = await this.client.xInfoGroups(TOPIC).catch((error: Error) => {
      if (error.message.includes('no such key')) return []; // nothing has been published or subscribed to yet
      throw error;
    });
    return groups.reduce((sum, { pending, lag }) => {
      if (typeof lag !== 'number')
        throw new Error('Redis does not tell what is left in a stream; version 7 or newer does');
      return sum + Number(pending) + lag;
    }, 0);
  }

  /**
   * Resolves with the time, in milliseconds since the epoch, at which nothing was left.
   *
   * @throws {Error} when that takes longer
   */
  async idle(withinMs: number): Promise<number> {
    for (const deadline = Date.now() + withinMs; ; await sleep(POLL_MS)) {
      const left = await this.left();
      if (left === 0) return Date.now();
      if (Date.now() > deadline) throw new Error(`${left} deliveries are not done in time`);
    }
  }

  /** Has no subscriber receive what it has not been handed yet. */
  async skip(): Promise<void> {
    const { 'entries-added': ENTRIESREAD } = await this.client.xInfoStream(TOPIC);
    for (const service of SUBSCRIBERS) {
      await this.client.xGroupSetId(TOPIC, service, '$', { ENTRIESREAD: Number(ENTRIESREAD) });
    }
  }

  close(): void {
    this.client.destroy();
  }
}
