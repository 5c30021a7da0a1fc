import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Log, silent } from '../log';
import { RedisConnection } from '../redis/connection';
import { hasRedisServer, RedisServer } from '../testing/redis-server';
import { RedisBroker } from './redis';

describe.skipIf(!hasRedisServer())('a broker on Redis Streams [needs redis-server]', () => {
  let server: RedisServer;
  let client: ReturnType<typeof createClient>;
  let broker: RedisBroker;
  beforeAll(async () => {
    server = await RedisServer.start();
    client = createClient({ url: `redis://127.0.0.1:${server.port}` });
    await client.connect();
  });
  afterEach(() => broker.close());
  afterAll(async () => {
    client.destroy();
    await server.kill();
  });

  const start = async (processingTimeoutMs: number, poolSize = 20, log: Log = silent) => {
    const address = { host: '127.0.0.1', port: server.port, username: '', password: '', database: 0 };
    const settings = { ...address, tls: false, insecureSkipTLSVerify: false };
    const connect = () => new RedisConnection(settings, silent);
    const connection = connect();
    await connection.connect(5_000);
    const trim = { maxLenApprox: 0, streamTtlMs: 0, poolSize };
    const streams = { processingTimeoutMs, redeliverIntervalMs: 60_000, queueDepth: 10, maxConcurrent: 10, ...trim };
    broker = new RedisBroker(connection, connect, streams, log);
  };
  const publish = (topic: string) => broker.publish(topic, { data: Buffer.from('{}'), metadata: undefined });
  const pending = async (topic: string) => (await client.xPending(topic, 'g')).pending;

  // daprd 1.18.3 does both.
  test('When a delivery fails and its dead letter cannot be stored, then the message is acknowledged', async () => {
    await start(60_000);
    const handler = vi.fn().mockRejectedValue(new Error('OOM'));
    await broker.subscribe({ topic: 'failing', group: 'g', handler });
    await publish('failing');
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce());
    await vi.waitFor(async () => expect(await pending('failing')).toBe(0));
    expect((await client.xInfoGroups('failing'))[0]).toMatchObject({ 'entries-read': 1 });
  });

  test('When the subscriptions would use up the connections of daprd, then one warning names poolSize', async () => {
    const warn = vi.fn();
    await start(60_000, 2, { ...silent, warn });
    const subscribe = (topic: string) => broker.subscribe({ topic, group: 'g', handler: async () => {} });
    await subscribe('one');
    expect(warn).not.toHaveBeenCalled();
    for (const topic of ['two', 'three']) await subscribe(topic);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('poolSize'));
  });

  test('When the user of Redis may not interrupt a read, then a stop still takes less than three seconds', async () => {
    await client.sendCommand(['ACL', 'SETUSER', 'default', '-client|unblock']);
    try {
      await start(60_000);
      const subscription = await broker.subscribe({ topic: 'blocked', group: 'g', handler: async () => {} });
      await vi.waitFor(async () => expect(await client.sendCommand(['CLIENT', 'LIST'])).toMatch(/flags=\w*b/));
      const startedAt = Date.now();
      await subscription.stop();
      expect(Date.now() - startedAt).toBeLessThan(3_000);
    } finally {
      await client.sendCommand(['ACL', 'SETUSER', 'default', '+client|unblock']);
    }
  });

  /** Returns a handler that rejects when the test calls `fail`. */
  const failing = () => {
    let fail = () => {};
    const failure = new Promise<void>((_, reject) => {
      fail = () => reject(new Error('OOM'));
    });
    return { handler: vi.fn(() => failure), fail: () => fail() };
  };

  test('When a delivery fails after the processing timeout, then the message stays pending', async () => {
    await start(1);
    const { handler, fail } = failing();
    const subscription = await broker.subscribe({ topic: 'late', group: 'g', handler });
    await publish('late');
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce());
    const startedAt = Date.now();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(startedAt + 2), { interval: 1 });
    fail();
    await subscription.stop();
    expect(await pending('late')).toBe(1);
  });

  test('When a delivery fails while the subscription stops, then the message stays pending', async () => {
    await start(60_000);
    const { handler, fail } = failing();
    const subscription = await broker.subscribe({ topic: 'stopping', group: 'g', handler });
    await publish('stopping');
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce());
    const stopped = subscription.stop();
    fail();
    await stopped;
    expect(await pending('stopping')).toBe(1);
  });
});
