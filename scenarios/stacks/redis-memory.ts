import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@redis/client';
import { ROOT } from './root';

const run = promisify(execFile);

const createRedisClient = (port: number) => createClient({ url: `redis://127.0.0.1:${port}` });

/** The memory of a running Redis. A test makes it small, and large again. */
export class RedisMemory {
  private constructor(
    readonly client: ReturnType<typeof createRedisClient>,
    private readonly port: number,
  ) {}

  static async connect(port: number): Promise<RedisMemory> {
    const client = createRedisClient(port);
    await client.on('error', () => {}).connect();
    return new RedisMemory(client, port);
  }

  /** Resolves with the number of bytes in use. */
  async used(): Promise<number> {
    return Number(/^used_memory:(\d+)/m.exec(await this.client.info('memory'))?.[1]);
  }

  /** Limits the memory to a number of bytes; 0: no limit. When less than the used memory, Redis refuses most writes. */
  async limit(bytes: number): Promise<void> {
    await this.client.configSet('maxmemory', String(Math.round(bytes)));
  }

  /** Removes acknowledged events and refuses new ones if memory is short, as the health check in Compose does. */
  async keepRoom(): Promise<void> {
    await run('sh', [join(ROOT, 'components/redis-server/keep-room.sh'), '-p', String(this.port)]);
  }

  close(): void {
    this.client.destroy();
  }
}
