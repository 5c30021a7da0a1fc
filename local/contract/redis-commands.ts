import { RedisClient } from '@redis/client';
import type { Json } from './recording';

const PROTOCOL = { RESP: 2 } as const;
const createRedisClient = RedisClient.factory(PROTOCOL);

/** Sends the Redis commands of a case. It connects with the first command. */
export class RedisCommands {
  private client: ReturnType<typeof createRedisClient> | undefined;

  constructor(private readonly port: string | undefined) {}

  /** Resolves with the reply, or with `{ error }` when Redis answers with an error. */
  async send(command: string[]): Promise<Json> {
    this.client ??= await createRedisClient({ ...PROTOCOL, url: `redis://127.0.0.1:${this.port}` })
      .on('error', () => {}) // some cases stop the server
      .connect();
    const reply = await this.client.sendCommand<Json>(command).catch(({ message }: Error) => ({ error: message }));
    // A group with nothing pending has a null array of consumers. The recording has an empty array there.
    return command[0] === 'XPENDING' && Array.isArray(reply) ? [...reply.slice(0, 3), reply[3] ?? []] : reply;
  }

  close(): void {
    this.client?.destroy();
  }
}
