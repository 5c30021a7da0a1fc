import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { freePort } from '../local/testing/free-port';
import { missingForRedis } from './stacks/redis-stack';
import { ROOT } from './stacks/root';

/** As Dapr's state store sends it: two writes that belong together. */
const SAVE = "redis.call('HSET', KEYS[1], 'data', ARGV[1]) return redis.call('EXPIRE', KEYS[1], 1000)";
const KEY = 'email-notification-service||followerAdded.1';

describe.skipIf(missingForRedis)('the Redis of the container [needs redis-server]', () => {
  let folder: string;
  let port: number;
  let server: ChildProcess | undefined;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'redis-'));
    for (const name of ['sidecar', 'operator', 'data']) mkdirSync(join(folder, name));
    port = await freePort();
  });
  afterEach(async () => {
    await crash();
    rmSync(folder, { recursive: true });
  });

  async function crash(): Promise<void> {
    const running = server;
    server = undefined;
    if (!running) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  }

  const password = (user: 'sidecar' | 'operator') => readFileSync(join(folder, user, 'password'), 'utf8');

  /** Starts the container's script. Resolves with a client of a sidecar when Redis answers. */
  async function start() {
    const script = join(ROOT, 'components/redis-server/start.sh');
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes'];
    const env = {
      ...process.env,
      SIDECAR_FOLDER: join(folder, 'sidecar'),
      OPERATOR_FOLDER: join(folder, 'operator'),
    };
    const cwd = join(folder, 'data');
    server = spawn('sh', [script, ...options, '--appendfsync', 'always'], { cwd, env, stdio: 'ignore' });
    return vi.waitFor(
      async () => {
        const url = `redis://sidecar:${password('sidecar')}@127.0.0.1:${port}`;
        const client = createClient({ url, socket: { reconnectStrategy: false } }).on('error', () => {});
        await client.connect();
        return client;
      },
      { timeout: 30_000, interval: 50 },
    );
  }

  test('When Redis crashes, then it still has the states, the events and the password of the sidecars, and the operator has another password', async () => {
    const client = await start();
    const before = { sidecar: password('sidecar'), operator: password('operator') };
    await client.eval(SAVE, { keys: [KEY], arguments: ['done'] });
    await client.xAdd('followerAdded', '*', { data: '{}' });
    await client.xGroupCreate('followerAdded', 'push-notification-service', '0');
    await client.xReadGroup('push-notification-service', 'push', { key: 'followerAdded', id: '>' });
    await crash();
    const again = await start();
    expect(await again.hGet(KEY, 'data')).toBe('done');
    expect(await again.xPending('followerAdded', 'push-notification-service')).toMatchObject({ pending: 1 });
    expect(password('sidecar')).toBe(before.sidecar);
    expect(password('operator')).not.toBe(before.operator);
    again.destroy();
  });
});
