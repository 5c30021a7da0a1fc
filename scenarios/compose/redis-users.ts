import { expect, test, vi } from 'vitest';
import type { ComposeStack } from '../stacks/compose-stack';
import { postFollow } from '../stacks/post-follow';
import { SERVICES } from '../stacks/stack';
import { waitUntilNotified } from '../stacks/wait-until-notified';

/** A shell script that prints the command of each process that has the password of Redis in its environment. */
const PRINT_OWNERS =
  'for p in /proc/[0-9]*; do grep -qz "^REDIS_PASSWORD=" $p/environ 2>/dev/null && tr "\\0" " " <$p/cmdline && echo; done; true';

/** Defines the tests that only a sidecar can use Redis, and only for what Dapr needs. */
export function redisUserScenarios(sharedStack: () => ComposeStack): void {
  const passwords = async () => ({
    sidecar: await sharedStack().exec('redis', 'cat', '/run/redis/password'),
    operator: await sharedStack().exec('redis', 'cat', '/run/operator/password'),
  });

  // It comes first, because the other tests send commands that Redis refuses.
  test('When the sidecars run, then Redis has refused no command of theirs', async () => {
    const log = await sharedStack().redisCli('ACL', 'LOG');
    expect(log.split('\n').filter((line) => /setinfo|followerAdded|\|\|/.test(line))).toEqual([]);
  });

  test('When somebody logs in without a password, or with another one, then Redis refuses', async () => {
    const { sidecar } = await passwords();
    const send = (...args: string[]) =>
      sharedStack().exec(
        'redis',
        'sh',
        '-c',
        'PATH=$(echo "$PATH" | sed s,/usr/local/sbin:,,); exec "$0" "$@"',
        'redis-cli',
        ...args,
      );
    expect(await send('PING')).toContain('NOAUTH');
    expect(await send('--no-auth-warning', '--user', 'default', '-a', sidecar, 'PING')).toMatch(/WRONGPASS|NOAUTH/);
    expect(await send('--no-auth-warning', '--user', 'sidecar', '-a', 'x', 'PING')).toMatch(/WRONGPASS|NOAUTH/);
    const asSidecar = ['--no-auth-warning', '--user', 'sidecar', '-a', sidecar];
    expect(await send(...asSidecar, 'PING')).toBe('PONG\n');
    for (const command of [
      'FLUSHALL',
      'CONFIG GET dir',
      'ACL LIST',
      'SHUTDOWN',
      'SCAN 0',
      'DEL followerAdded',
      'XTRIM followerAdded MAXLEN 0',
    ]) {
      expect(await send(...asSidecar, ...command.split(' ')), command).toContain('NOPERM');
    }
  }, 30_000);

  test('When the containers are inspected, then no password is in their configuration, in a log or in the environment of a service', async () => {
    const stack = sharedStack();
    const secrets = Object.values(await passwords());
    expect(new Set(secrets).size).toBe(2);
    const texts = [
      JSON.stringify(await stack.inspectContainers()),
      await stack.compose('logs', '--no-log-prefix'),
      await stack.exec('redis', 'sh', '-c', 'cat /proc/[0-9]*/cmdline'),
      await stack.compose('config'),
    ];
    for (const secret of secrets) {
      expect(secret).toMatch(/^[0-9a-f]{48}$/);
      for (const text of texts) expect(text).not.toContain(secret);
    }
    // local/ and its service have the same environment.
    for (const service of stack.replayUnavailable ? [] : SERVICES) {
      const owners = (await stack.exec(service, 'sh', '-c', PRINT_OWNERS)).trim().split('\n');
      expect(owners, service).toHaveLength(1);
      expect(owners[0]).toContain('daprd');
    }
  }, 30_000);

  test('When Redis starts again, then the sidecars can still log in, and the operator has another password', async () => {
    const stack = sharedStack();
    const before = await passwords();
    await stack.crash('redis');
    await vi.waitFor(async () => expect((await passwords()).operator).not.toBe(before.operator), {
      timeout: 20_000,
      interval: 200,
    });
    await vi.waitFor(async () => expect(await stack.isHealthy('redis')).toBe(true), { timeout: 30_000, interval: 200 });
    expect((await passwords()).sidecar).toBe(before.sidecar);
    await vi.waitFor(async () => expect((await postFollow(stack)).status).toBe(202), {
      timeout: 20_000,
      interval: 500,
    });
  }, 90_000);

  test('When little disk is left, then new follows are refused with 503; when there is room again, then they are accepted', async () => {
    const stack = sharedStack();
    const limit = async () => (await stack.redisCli('CONFIG', 'GET', 'maxmemory')).split('\n')[1] ?? '';
    const before = await limit();
    const post = async () => (await postFollow(stack)).status;
    // Redis then wants more disk than there is.
    await stack.redisCli('CONFIG', 'SET', 'maxmemory', String(2 ** 50));
    try {
      await vi.waitFor(async () => expect(await post()).toBe(503), { timeout: 30_000, interval: 500 });
    } finally {
      await stack.redisCli('CONFIG', 'SET', 'maxmemory', before);
    }
    await vi.waitFor(async () => expect(await post()).toBe(202), { timeout: 30_000, interval: 500 });
    const { body } = await postFollow(stack, { follower: 'disk-1', followee: 'bob' });
    await waitUntilNotified(stack, body.id, 20_000);
  }, 120_000);
}
