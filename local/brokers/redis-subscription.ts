import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log';
import { isErrorReply, type RedisConnection, type RedisReply, replyText } from '../redis/connection';
import type { StreamSettings } from '../redis/settings';
import type { Message, MessageHandler, SubscribeOptions } from './broker';
import { toMessage } from './redis-message';
import type { WorkQueue } from './work-queue';

/** How long one read blocks. A stop interrupts the read, or waits for it when the user of Redis may not interrupt it. */
const BLOCK_MS = 1_000;
const UNBLOCK_EVERY_MS = 50;
const BACK_OFF_MS = { first: 100, longest: 2_000 };

interface StreamContext {
  connection: RedisConnection;
  reader: RedisConnection;
  settings: StreamSettings;
  queue: WorkQueue;
  log: Log;
}

/** Reads one stream as one group and adds its messages to the work queue of the broker. */
export class StreamSubscription {
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
    // UNBLOCK ends a blocking read. If we closed its connection, Redis might send a message that no process receives.
    // We repeat UNBLOCK, because the read may reach Redis after the first one.
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
      if (!(isErrorReply(error) && error.message.startsWith('BUSYGROUP'))) throw error;
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
        for (const [, entries] of (reply ?? []) as [RedisReply, RedisReply[]][]) await this.enqueue(entries);
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        if (isErrorReply(error) && error.message.startsWith('NOGROUP')) {
          // Redis has lost its data, or the stream was deleted.
          log.warn(`Redis no longer has the consumer group ${group} of ${topic}; the group is created again`);
          await this.createGroup().catch(() => {});
        } else {
          this.readerId = undefined; // the next connection has another id
          await this.pause(backOffMs);
          backOffMs = Math.min(backOffMs * 2, BACK_OFF_MS.longest);
        }
      }
    }
  }

  private async connectReader(): Promise<void> {
    const { reader } = this.context;
    if (!(await reader.waitReady(BACK_OFF_MS.longest))) throw new Error('Redis does not answer');
    this.readerId = replyText(await reader.sendOnce('CLIENT', 'ID'));
  }

  /** Claims messages that a consumer has not finished within the processing timeout. */
  private async reclaim(): Promise<void> {
    const { connection, settings } = this.context;
    const { topic, group } = this;
    const idle = String(settings.processingTimeoutMs);
    const count = String(settings.queueDepth);
    while (!this.stopped.signal.aborted) {
      let cursor = '0-0';
      do {
        const command = ['XAUTOCLAIM', topic, group, group, idle, cursor, 'COUNT', count];
        const reply = (await connection.sendOnce(...command).catch(() => null)) as [RedisReply, RedisReply[]] | null;
        cursor = reply ? replyText(reply[0]) : '0-0';
        await this.enqueue(reply?.[1] ?? []);
      } while (cursor !== '0-0' && !this.stopped.signal.aborted);
      await this.pause(settings.redeliverIntervalMs);
    }
  }

  private async enqueue(entries: RedisReply[]): Promise<void> {
    for (const entry of entries) {
      if (!Array.isArray(entry)) continue; // the claimed entry is no longer in the stream
      const [id, fields] = entry as [Buffer, RedisReply[]];
      const message = toMessage(fields, (reason) => this.context.log.warn(`${this.topic} ${replyText(id)}: ${reason}`));
      const work = this.context.queue.add(() => this.process(replyText(id), message));
      await work.accepted;
      const finished = work.done.finally(() => this.unfinished.delete(finished));
      this.unfinished.add(finished);
    }
  }

  private async process(id: string, message: Message): Promise<void> {
    const { connection, log } = this.context;
    const startedAt = Date.now();
    try {
      await this.handler(message);
    } catch (error) {
      const reason = (error as Error).message;
      if (this.isRedeliveredAfter(Date.now() - startedAt)) {
        log.warn(`${this.topic} ${id} stays pending: ${reason}`);
        return;
      }
      log.error(`${this.topic} ${id} is acknowledged although it failed, as by daprd, and is lost: ${reason}`);
    }
    await connection.send('XACK', this.topic, this.group, id).catch((error: Error) => {
      log.warn(`${this.topic} ${id} is finished but not acknowledged, so Redis delivers it again: ${error.message}`);
    });
  }

  /**
   * Whether a failed message stays pending. daprd acknowledges a message that fails, for example because Redis is full and
   * refuses the dead letter. It does not during a stop, and not when the delivery took longer than the processing timeout.
   */
  private isRedeliveredAfter(elapsedMs: number): boolean {
    const { processingTimeoutMs, redeliverIntervalMs } = this.context.settings;
    const hasTimeout = processingTimeoutMs > 0 && redeliverIntervalMs > 0;
    return this.stopped.signal.aborted || (hasTimeout && elapsedMs >= processingTimeoutMs);
  }

  /** Waits. It resolves early when the subscription stops. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopped.signal }).catch(() => {});
  }
}
