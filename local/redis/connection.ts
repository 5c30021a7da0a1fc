import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorReply } from '@redis/client';
import { loaded } from '../loaded';
import type { Log } from '../log';
import type { RedisSettings } from './settings';

/** Redis is unreachable. The message is Go's message, because Dapr returns it to its callers. */
export class RedisUnreachable extends Error {}

/** The time after which daprd's client gives up on a command while Redis is down. */
const GIVE_UP_MS = 1_700;
const RETRY_EVERY_MS = 100;
const CONNECT_TIMEOUT_MS = 5_000;

export type RedisReply = Buffer | number | null | RedisReply[];
type Argument = string | Buffer;

/**
 * `createClient` takes 20 ms, because it creates a class with all Redis commands for each client. A factory does not.
 */
const PROTOCOL = { RESP: 2 } as const;
/** The client is loaded with the first connection, because it takes longer than everything else together. */
const library = loaded(() => {
  const {
    RedisClient,
    RESP_TYPES,
    ErrorReply: RedisError,
  } = require('@redis/client') as typeof import('@redis/client');
  return { createClient: RedisClient.factory(PROTOCOL), RESP_TYPES, RedisError };
});

/** Returns whether an error is an answer of Redis. */
export const isErrorReply = (error: unknown): error is ErrorReply => error instanceof library().RedisError;

function newClient(settings: RedisSettings) {
  const { host, port, username, password, database, tls, insecureSkipTLSVerify } = settings;
  const { createClient, RESP_TYPES } = library();
  return createClient({
    socket: {
      host,
      port,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
      ...(tls && { tls: true as const, rejectUnauthorized: !insecureSkipTLSVerify }),
    },
    ...(username && { username }),
    ...(password && { password }),
    database,
    ...PROTOCOL,
    // While the connection is down, a command fails at once. `retry` below decides how long to try.
    disableOfflineQueue: true,
    // The client's timeout covers only the wait before a command is written, and costs a tenth of the time of an event.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

/** One connection to a Redis server. It reconnects when it breaks. Replies are bytes. */
export class RedisConnection {
  private readonly client: ReturnType<typeof newClient>;
  private lastError: Error | undefined;
  private closed = false;

  constructor(
    private readonly settings: RedisSettings,
    private readonly log: Log,
  ) {
    this.client = newClient(settings);
    this.client.on('error', (error: Error) => this.noteError(error));
    this.client.on('ready', () => {
      if (this.lastError) this.log.info(`reconnected to Redis at ${this.address}`);
      this.lastError = undefined;
    });
  }

  get address(): string {
    return `${this.settings.host}:${this.settings.port}`;
  }

  /** Starts to connect. It retries until it succeeds or the connection is closed. */
  open(): this {
    this.client.connect().catch((error: Error) => this.noteError(error));
    return this;
  }

  /** Resolves when the connection is ready. @throws {RedisUnreachable} after `maxMs` */
  async connect(maxMs: number): Promise<void> {
    this.open();
    if (await this.waitReady(maxMs)) return;
    this.close();
    throw this.unreachable();
  }

  /**
   * Resolves with the reply to a command. If the connection is broken, it retries as long as daprd does.
   *
   * @throws {RedisUnreachable} when the connection stays broken
   * @throws {ErrorReply} when Redis answers with an error
   */
  send(...args: Argument[]): Promise<RedisReply> {
    return this.retry(() => this.sendOnce(...args));
  }

  /** Resolves with the reply to a command. It does not retry. */
  sendOnce(...args: Argument[]): Promise<RedisReply> {
    return this.client.sendCommand(args);
  }

  /** Sends commands as one Redis transaction. Resolves with the reply to each command, which may be an error. */
  transact(commands: readonly Argument[][]): Promise<(RedisReply | ErrorReply)[]> {
    return this.retry(async () => {
      const queued = [['MULTI'], ...commands].map((command) => this.sendOnce(...command));
      const [answers] = await Promise.all([this.sendOnce('EXEC'), ...queued]);
      return answers as RedisReply[];
    });
  }

  private async retry<T>(attempt: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + GIVE_UP_MS;
    for (;;) {
      if (!(await this.waitReady(deadline - Date.now()))) throw this.unreachable();
      try {
        return await attempt();
      } catch (error) {
        // An error from Redis is final. A command on a broken connection is retried.
        if (isErrorReply(error)) throw error;
        this.lastError ??= error as Error;
        if (this.closed || Date.now() >= deadline) throw this.unreachable();
        await sleep(RETRY_EVERY_MS);
      }
    }
  }

  /** Resolves with whether the connection is ready, after at most `maxMs`. */
  async waitReady(maxMs: number): Promise<boolean> {
    const deadline = Date.now() + maxMs;
    // A start is ready within milliseconds, and a Redis that is down takes longer.
    for (let pauseMs = 1; !this.client.isReady; pauseMs = Math.min(2 * pauseMs, RETRY_EVERY_MS / 4)) {
      if (this.closed || Date.now() >= deadline) return false;
      await sleep(pauseMs);
    }
    return true;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.client.destroy();
  }

  private noteError(error: Error): void {
    if (!this.lastError && !this.closed) this.log.warn(`Redis at ${this.address}: ${error.message}`);
    this.lastError = error;
  }

  private unreachable(): RedisUnreachable {
    const { code } = (this.lastError ?? {}) as NodeJS.ErrnoException;
    const { host, port } = this.settings;
    const ip = host === 'localhost' ? '127.0.0.1' : host;
    // For a broken connection, daprd reports the error of its next attempt to connect.
    const reason =
      code === undefined || code === 'ECONNREFUSED' || code === 'ECONNRESET'
        ? 'connection refused'
        : (this.lastError?.message ?? '');
    return new RedisUnreachable(`dial tcp ${ip}:${port}: connect: ${reason}`, { cause: this.lastError });
  }
}

/** Returns a reply as text; empty if there is none. */
export const replyText = (reply: RedisReply | undefined): string =>
  Buffer.isBuffer(reply) ? reply.toString() : String(reply ?? '');
