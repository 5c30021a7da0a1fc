import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorReply, RESP_TYPES, RedisClient } from '@redis/client';
import type { Log } from '../log';
import type { RedisSettings } from './settings';

/** Redis cannot be reached. The message is Go's, because Dapr passes it on to its callers. */
export class RedisUnreachable extends Error {}

/** As long as daprd's client tries before it gives a command up while Redis is down. */
const GIVE_UP_MS = 1_700;
const RETRY_EVERY_MS = 100;
const CONNECT_TIMEOUT_MS = 5_000;

export type Reply = Buffer | number | null | Reply[];
type Argument = string | Buffer;

/** createClient() would make a class with all of Redis' commands for each client anew, which takes 20 ms. */
const PROTOCOL = { RESP: 2 } as const;
const createClient = RedisClient.factory(PROTOCOL);

function newClient(settings: RedisSettings) {
  const { host, port, username, password, database, tls, insecureSkipTLSVerify } = settings;
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
    // A command sent while the connection is down fails at once; how long to insist is decided here.
    disableOfflineQueue: true,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

/** One connection to a Redis server, made anew whenever it breaks. Replies are bytes. */
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
      if (this.lastError) this.log.info(`connected to Redis at ${this.address} again`);
      this.lastError = undefined;
    });
  }

  get address(): string {
    return `${this.settings.host}:${this.settings.port}`;
  }

  /** Begins to connect, and goes on trying for as long as it takes. */
  open(): this {
    this.client.connect().catch((error: Error) => this.noteError(error));
    return this;
  }

  /** Opens the connection. @throws {RedisUnreachable} when that takes longer than `maxMs` */
  async connect(maxMs: number): Promise<void> {
    this.open();
    if (await this.waitReady(maxMs)) return;
    this.close();
    throw this.unreachable();
  }

  /**
   * Sends a command, waiting for a broken connection to come back for as long as daprd does.
   *
   * @throws {RedisUnreachable} when it does not come back, or whatever Redis answers as an error
   */
  send(...args: Argument[]): Promise<Reply> {
    return this.insist(() => this.sendOnce(...args));
  }

  /** Sends a command over the connection as it is. */
  sendOnce(...args: Argument[]): Promise<Reply> {
    return this.client.sendCommand(args);
  }

  /** Sends commands that no other's come between. Answers what Redis answers to each, an error among them too. */
  transact(commands: readonly Argument[][]): Promise<(Reply | ErrorReply)[]> {
    return this.insist(async () => {
      const queued = [['MULTI'], ...commands].map((command) => this.sendOnce(...command));
      const [answers] = await Promise.all([this.sendOnce('EXEC'), ...queued]);
      return answers as Reply[];
    });
  }

  private async insist<T>(attempt: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + GIVE_UP_MS;
    for (;;) {
      if (!(await this.waitReady(deadline - Date.now()))) throw this.unreachable();
      try {
        return await attempt();
      } catch (error) {
        // What Redis itself answers is final; a connection that broke under the command is tried again.
        if (error instanceof ErrorReply) throw error;
        this.lastError ??= error as Error;
        if (this.closed || Date.now() >= deadline) throw this.unreachable();
        await sleep(RETRY_EVERY_MS);
      }
    }
  }

  /** Resolves with whether the connection can be used, after `maxMs` at the latest. */
  async waitReady(maxMs: number): Promise<boolean> {
    const deadline = Date.now() + maxMs;
    while (!this.client.isReady) {
      if (this.closed || Date.now() >= deadline) return false;
      await sleep(RETRY_EVERY_MS / 4);
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
    // A connection that broke is refused when it is dialled again: that is what daprd reports.
    const why =
      code === undefined || code === 'ECONNREFUSED' || code === 'ECONNRESET'
        ? 'connection refused'
        : (this.lastError?.message ?? '');
    return new RedisUnreachable(`dial tcp ${ip}:${port}: connect: ${why}`, { cause: this.lastError });
  }
}

export const text = (reply: Reply | undefined): string =>
  Buffer.isBuffer(reply) ? reply.toString() : String(reply ?? '');
