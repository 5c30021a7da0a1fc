import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { RedisServer } from '../local/testing/redis-server';
import { readPage } from './documentation/markdown';
import { RedisMemory } from './stacks/redis-memory';
import { missingForRedis } from './stacks/redis-stack';
import { ROOT } from './stacks/root';

const load = (file: string) => parse(readFileSync(join(ROOT, file), 'utf8'), { merge: true });
const { redis } = load('docker-compose.yml').services;
const option = (name: string): string => redis.command[redis.command.indexOf(name) + 1];

describe('files', () => {
  test('When docker-compose.yml is read, then a full Redis removes nothing, a quarter of its memory is left for other uses, and Docker runs the script', () => {
    expect(option('--maxmemory-policy')).toBe('noeviction');
    expect(Number.parseInt(option('--maxmemory'), 10)).toBeLessThanOrEqual(0.75 * Number.parseInt(redis.mem_limit, 10));
    expect(redis.volumes).toContain('./components/redis-server:/etc/redis:ro');
    expect(redis.healthcheck).toMatchObject({ test: ['CMD', 'sh', '/etc/redis/keep-room.sh'], interval: '10s' });
  });

  test.each(['docs/containers.md', 'docs/ja/containers.md'])(
    'When %s is read, then it names the memory of Redis',
    (page) => {
      expect(readPage(page)).toContain(`${Number.parseInt(option('--maxmemory'), 10)} MB`);
      expect(readPage(page)).toContain(`${Number.parseInt(redis.mem_limit, 10)} MB`);
    },
  );

  test.each(['redis', 'redis-replay'])('When components/%s is read, then Dapr removes no event', (folder) => {
    const names = load(`components/${folder}/pubsub.yaml`).spec.metadata.map(({ name }: { name: string }) => name);
    expect(names).not.toContain('maxLenApprox');
    expect(names).not.toContain('streamTTL');
  });
});

describe.skipIf(missingForRedis)('keep-room.sh [needs redis-server]', () => {
  let server: RedisServer;
  let memory: RedisMemory;
  beforeAll(async () => {
    server = await RedisServer.start();
    memory = await RedisMemory.connect(server.port);
  });
  afterAll(async () => {
    memory?.close();
    await server?.kill();
  });
  beforeEach(async () => {
    await memory.limit(0);
    await memory.client.flushAll();
    await memory.keepRoom();
  });

  const publish = (stream: string, ...ids: string[]) =>
    Promise.all(ids.map((id) => memory.client.xAdd(stream, id, { data: 'x'.repeat(1_000) })));
  const subscribe = (stream: string, group: string) =>
    memory.client.xGroupCreate(stream, group, '0', { MKSTREAM: true });
  const read = (stream: string, group: string, COUNT: number) =>
    memory.client.xReadGroup(group, group, { key: stream, id: '>' }, { COUNT });
  const ids = async (stream: string) => ((await memory.client.xRange(stream, '-', '+')) ?? []).map(({ id }) => id);

  test('When one service has not read an event, or has not acknowledged it, then the event stays, and older events go', async () => {
    const all = ['8-0', '9-9', '9-10', '10-0', '11-0'];
    await publish('followerAdded', ...all);
    for (const group of ['email', 'push']) await subscribe('followerAdded', group);
    await read('followerAdded', 'email', 5);
    await read('followerAdded', 'push', 4);
    const acknowledge = async (group: string, ...acknowledged: string[]) => {
      await memory.client.xAck('followerAdded', group, acknowledged);
      await memory.keepRoom();
    };
    await acknowledge('email', '8-0', '9-9', '10-0', '11-0');
    expect(await ids('followerAdded')).toEqual(all);
    await acknowledge('push', '8-0', '9-10', '10-0');
    expect(await ids('followerAdded')).toEqual(all.slice(1));
    await acknowledge('push', '9-9');
    expect(await ids('followerAdded')).toEqual(all.slice(2));
    await acknowledge('email', '9-10');
    expect(await ids('followerAdded')).toEqual(all.slice(3));
    await read('followerAdded', 'push', 1);
    await acknowledge('push', '11-0');
    expect(await ids('followerAdded')).toEqual(all.slice(4));
    // Redis still knows how many events a group has not read.
    expect(await memory.client.xInfoGroups('followerAdded')).toMatchObject([{ lag: 0 }, { lag: 0 }]);
  });

  test('When no service has subscribed, then events and dead letters stay', async () => {
    await publish('followerAdded', '1-0', '2-0');
    await publish('email-dead-letters', '1-0', '2-0');
    await memory.keepRoom();
    await subscribe('followerAdded', 'email');
    await memory.keepRoom();
    expect(await ids('followerAdded')).toEqual(['1-0', '2-0']);
    expect(await ids('email-dead-letters')).toEqual(['1-0', '2-0']);
  });

  test('When a replay has acknowledged dead letters, then they go, and the others stay', async () => {
    await subscribe('followerAdded', 'email');
    const topics = ['email-dead-letters', 'email-dead-letters-kept-1', 'email-dead-letters-kept-2'];
    for (const topic of topics) {
      await publish(topic, '1-0', '2-0', '3-0');
      await subscribe(topic, 'email-replay');
      await read(topic, 'email-replay', 3);
      await memory.client.xAck(topic, 'email-replay', '1-0');
    }
    await memory.keepRoom();
    for (const topic of topics) expect(await ids(topic)).toEqual(['2-0', '3-0']);
  });

  test('When more than 45 % of the memory is used with two services, then new events are refused, but not dead letters, marks and acknowledgements', async () => {
    for (const group of ['email', 'push']) await subscribe('followerAdded', group);
    await publish('followerAdded', '1-0');
    await read('followerAdded', 'email', 1);
    await memory.limit((await memory.used()) / 0.4);
    await memory.keepRoom();
    await publish('followerAdded', '2-0');
    await memory.limit((await memory.used()) / 0.5);
    await memory.keepRoom();
    await expect(publish('followerAdded', '3-0')).rejects.toThrow('NOPERM');
    await publish('email-dead-letters', '1-0');
    await publish('email-dead-letters-kept-1', '1-0');
    expect(await memory.client.hSet('email||followerAdded.1', 'data', '{}')).toBe(1);
    expect(await memory.client.xAck('followerAdded', 'email', '1-0')).toBe(1);
    expect(await read('followerAdded', 'email', 1)).toHaveLength(1);
    await memory.limit((await memory.used()) / 0.4);
    await memory.keepRoom();
    await publish('followerAdded', '3-0');
  });

  test('When three services have subscribed, then new events are refused at 30 %', async () => {
    for (const group of ['audit', 'email', 'push']) await subscribe('followerAdded', group);
    await memory.limit((await memory.used()) / 0.4);
    await memory.keepRoom();
    await expect(publish('followerAdded', '1-0')).rejects.toThrow('NOPERM');
  });

  test('When Redis does not answer, then the script fails', async () => {
    const stopped = await RedisServer.start();
    const client = await RedisMemory.connect(stopped.port);
    await stopped.kill();
    await expect(client.keepRoom()).rejects.toThrow();
    client.close();
  });
});
