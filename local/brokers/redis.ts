import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorReply } from '@redis/client';
import { isJsonObject, parseWholeJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import type { Log } from '../log';
import { type RedisConnection, type Reply, text } from '../redis/connection';
import type { StreamSettings } from '../redis/settings';
import type { Broker, BrokerSubscription, Message, MessageHandler, SubscribeOptions } from './broker';
import { WorkQueue } from './work-queue';

/** How long a read waits for a message before it is asked again; a stop does not wait for it. */
const BLOCK_MS = 5_000;
const UNBLOCK_EVERY_MS = 50;
const BACK_OFF_MS = { first: 100, longest: 2_000 };

/**
 * Redis Streams as daprd uses them, so that both can share one Redis: a topic is a stream, each entry has the fields
 * `data` and `metadata` (JSON), a group starts at the first entry, and its only consumer has the group's name.
 */
export class RedisBroker implements Broker {
  readonly capabilities = [];
  readonly maxBulkEntries = Number.POSITIVE_INFINITY;
  private readonly queue: WorkQueue;
  private readonly subscriptions = new Set<StreamSubscription>();

  constructor(
    private readonly connection: RedisConnection,
    /** Makes one more connection: a read that waits keeps its own busy. */
    private readonly connect: () => RedisConnection,
    private readonly settings: StreamSettings,
    private readonly log: Log,
  ) {
    this.queue = new WorkQueue(settings.concurrency, settings.queueDepth);
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

interface StreamContext {
  connection: RedisConnection;
  reader: RedisConnection;
  settings: StreamSettings;
  queue: WorkQueue;
  log: Log;
}

/** Reads one stream as one group, and hands what it reads to the broker's workers. */
class StreamSubscription {
  private readonly stopped = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private readonly unfinished = new Set<Promise<void>>();
  private readonly topic: string;
  private readonly group: string;
  private readonly handler: MessageHandler;
  private readerId: string | undefined;

  constructor(
    { topic, group, handler }: SubscribeOptions,
    private readonly context: StreamContext,
  ) {
    this.topic = topic;
    this.group = group;
    this.handler = handler;
  }

  async start(): Promise<void> {
    await this.createGroup();
    this.loops.push(this.read());
    const { processingTimeoutMs, redeliverIntervalMs } = this.context.settings;
    if (processingTimeoutMs > 0 && redeliverIntervalMs > 0) this.loops.push(this.reclaim());
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    const ended = Promise.all(this.loops).then(() => true);
    // A read that waits is woken up. Cut off instead, it might be given a message that nobody is there to take.
    // Woken more than once, because the read may reach Redis after the order to end it.
    do {
      if (this.readerId) await this.context.connection.sendOnce('CLIENT', 'UNBLOCK', this.readerId).catch(() => {});
    } while (!(await Promise.race([ended, sleep(UNBLOCK_EVERY_MS, false)])));
    this.context.reader.close();
    await Promise.all(this.unfinished);
  }

  abandon(): void {
    this.stopped.abort();
    this.context.reader.close();
  }

  private async createGroup(): Promise<void> {
    try {
      await this.context.connection.send('XGROUP', 'CREATE', this.topic, this.group, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof ErrorReply && error.message.startsWith('BUSYGROUP'))) throw error;
    }
  }

  private async read(): Promise<void> {
    const { reader, settings, log } = this.context;
    const { topic, group } = this;
    let backOffMs = BACK_OFF_MS.first;
    while (!this.stopped.signal.aborted) {
      try {
        if (this.readerId === undefined) await this.connectReader();
        const count = String(settings.queueDepth);
        const reply = await reader.sendOnce(
          'XREADGROUP',
          'GROUP',
          group,
          group,
          'COUNT',
          count,
          'BLOCK',
          String(BLOCK_MS),
          'STREAMS',
          topic,
          '>',
        );
        backOffMs = BACK_OFF_MS.first;
        for (const [, entries] of (reply ?? []) as [Reply, Reply[]][]) await this.enqueue(entries);
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        if (error instanceof ErrorReply && error.message.startsWith('NOGROUP')) {
          // The server has lost its data, or somebody has removed the stream.
          log.warn(`the consumer group ${group} of ${topic} is gone from Redis and is made again`);
          await this.createGroup().catch(() => {});
        } else {
          this.readerId = undefined; // another connection will have another
          await this.pause(backOffMs);
          backOffMs = Math.min(backOffMs * 2, BACK_OFF_MS.longest);
        }
      }
    }
  }

  private async connectReader(): Promise<void> {
    const { reader } = this.context;
    if (!(await reader.waitReady(BACK_OFF_MS.longest))) throw new Error('Redis does not answer');
    this.readerId = text(await reader.sendOnce('CLIENT', 'ID'));
  }

  /** Looks for messages that somebody took and did not finish within the processing timeout. */
  private async reclaim(): Promise<void> {
    const { connection, settings } = this.context;
    const { topic, group } = this;
    const idle = String(settings.processingTimeoutMs);
    const count = String(settings.queueDepth);
    while (!this.stopped.signal.aborted) {
      let cursor = '0-0';
      do {
        const command = ['XAUTOCLAIM', topic, group, group, idle, cursor, 'COUNT', count];
        const reply = (await connection.sendOnce(...command).catch(() => null)) as [Reply, Reply[]] | null;
        cursor = reply ? text(reply[0]) : '0-0';
        await this.enqueue(reply?.[1] ?? []);
      } while (cursor !== '0-0' && !this.stopped.signal.aborted);
      await this.pause(settings.redeliverIntervalMs);
    }
  }

  private async enqueue(entries: Reply[]): Promise<void> {
    for (const entry of entries) {
      if (!Array.isArray(entry)) continue; // claimed, but deleted from the stream meanwhile
      const [id, fields] = entry as [Buffer, Reply[]];
      const message = toMessage(fields, (reason) => this.context.log.warn(`${this.topic} ${text(id)}: ${reason}`));
      const work = this.context.queue.add(() => this.process(text(id), message));
      await work.accepted;
      const finished = work.done.finally(() => this.unfinished.delete(finished));
      this.unfinished.add(finished);
    }
  }

  private async process(id: string, message: Message): Promise<void> {
    const { connection, log } = this.context;
    try {
      await this.handler(message);
    } catch (error) {
      log.warn(`${this.topic} ${id} stays pending: ${(error as Error).message}`);
      return;
    }
    await connection.send('XACK', this.topic, this.group, id).catch((error: Error) => {
      log.warn(`${this.topic} ${id} is done but could not be acknowledged, it will come again: ${error.message}`);
    });
  }

  /** Waits, unless and until the subscription is stopped. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopped.signal }).catch(() => {});
  }
}

function toMessage(fields: Reply[], warn: (reason: string) => void): Message {
  const message: Message = { data: Buffer.alloc(0), metadata: undefined };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [text(fields[i]), fields[i + 1]];
    if (name === 'data' && Buffer.isBuffer(value)) message.data = value;
    if (name === 'metadata') message.metadata = toMetadata(text(value), warn);
  }
  return message;
}

function toMetadata(json: string, warn: (reason: string) => void): Map<string, string> | undefined {
  try {
    const value = parseWholeJson(json);
    if (!isJsonObject(value)) throw new Error('it is not a map');
    return new Map(
      Object.entries(value).map(([name, member]) => {
        if (typeof member === 'string') return [name, member];
        warn(`its metadata ${name} is not text and is taken for empty`);
        return [name, ''];
      }),
    );
  } catch (error) {
    warn(`its metadata is ignored: ${(error as Error).message}`);
  }
  return undefined;
}
