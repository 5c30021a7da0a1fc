import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describeAccount, settle } from './accounting/account';
import { Kills } from './accounting/kills';
import { postFollows } from './accounting/traffic';
import { deliveryScenarios } from './delivery';
import { type ComposeStack, missingForCompose, startComposeStack } from './stacks/compose-stack';
import { servicesThatNotified } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { SERVICES, SUBSCRIBERS } from './stacks/stack';

/** How often the stack is stopped with mails in flight and started again. */
const STOPS = Number(process.env.STOPS ?? 2);

const missing = missingForCompose();

describe.skipIf(missing)(`Docker Compose [${missing ?? 'it is here'}]`, () => {
  let stack: ComposeStack;
  beforeAll(async () => {
    stack = await startComposeStack();
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  test('When up --wait returns, then a follow is delivered to both', async () => {
    const { status, body } = await postFollow(stack);
    expect(status).toBe(202);
    await vi.waitFor(() => expect(servicesThatNotified(stack, body.id)).toEqual([...SUBSCRIBERS]), { timeout: 15_000 });
  });

  // The same scenarios as on every stack, on this one, which goes on afterwards.
  deliveryScenarios(async () => Object.assign(Object.create(stack), { stop: async () => 0 }));

  test('When the containers are looked at, then none runs as root, writes its own files, gains privileges or keeps capabilities', async () => {
    for (const { ID, Service } of await stack.containers()) {
      const inspect = JSON.parse(await stack.docker('inspect', ID))[0];
      expect(inspect.Config.User, Service).toMatch(/^(node|[1-9]\d*)/);
      expect(inspect.HostConfig, Service).toMatchObject({
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: 'unless-stopped' },
        LogConfig: { Config: { 'max-size': '10m' } },
      });
      expect(inspect.HostConfig.Memory, Service).toBeGreaterThan(0);
      expect(inspect.HostConfig.PidsLimit, Service).toBeGreaterThan(0);
    }
  });

  test('When ports are looked for, then three are published, on 127.0.0.1 alone', async () => {
    const published: string[] = [];
    for (const { ID, Service } of await stack.containers()) {
      const ports: Record<string, { HostIp: string }[] | null> = JSON.parse(await stack.docker('inspect', ID))[0]
        .NetworkSettings.Ports;
      for (const [port, bindings] of Object.entries(ports)) {
        for (const { HostIp } of bindings ?? []) published.push(`${Service} ${port} ${HostIp}`);
      }
    }
    expect(published.sort()).toEqual([
      'api-facade 8080/tcp 127.0.0.1',
      'mailpit 8025/tcp 127.0.0.1',
      'ntfy 80/tcp 127.0.0.1',
    ]);
    const { port } = new URL(stack.facadeUrl);
    const others = Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
    );
    for (const address of others) {
      await expect(fetch(`http://${address}:${port}/livez`, { signal: AbortSignal.timeout(2_000) })).rejects.toThrow();
    }
  });

  test('When another container on the default bridge knocks, then no address of the stack or of this machine opens', async () => {
    const doors: string[] = [];
    for (const { ID } of await stack.containers()) {
      const inspect = JSON.parse(await stack.docker('inspect', ID))[0];
      for (const { IPAddress } of Object.values<{ IPAddress: string }>(inspect.NetworkSettings.Networks)) {
        for (const port of [1025, 3500, 6379, 8025, 8080, 9090, 50005, 50001, 80]) doors.push(`${IPAddress}:${port}`);
      }
    }
    const published = [stack.facadeUrl, stack.inbox.mailUrl, stack.inbox.pushUrl].map((url) => new URL(url).port);
    for (const { address, family } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
      if (family === 'IPv4') doors.push(...published.map((port) => `${address}:${port}`));
    }
    const knock = `
      const net = require('node:net');
      const open = (door) => new Promise((resolve) => {
        const [host, port] = door.split(':');
        const socket = net.connect({ host, port }, () => resolve([door]));
        socket.on('error', () => resolve([])).setTimeout(3000, () => resolve([]));
      });
      Promise.all(process.argv.slice(1).map(open)).then((found) => {
        console.log(JSON.stringify(found.flat()));
        process.exit();
      });`;
    const image = JSON.parse(await stack.compose('config', '--format', 'json')).services['api-facade'].image;
    const run = ['run', '--rm', '--network', 'bridge', '--entrypoint', 'node', image, '-e', knock, '--', ...doors];
    expect(doors.length).toBeGreaterThan(60);
    expect(JSON.parse(await stack.docker(...run))).toEqual([]);
    // The same knock inside the network, which shows that it would have been heard.
    const inside = await stack.compose('exec', '-T', 'email-notification-service', 'node', '-e', knock, 'redis:6379');
    expect(JSON.parse(inside)).toEqual(['redis:6379']);
  }, 60_000);

  test('When the image is looked at, then it says what it is, and holds neither compiler, package manager nor source', async () => {
    const image = JSON.parse(await stack.compose('config', '--format', 'json')).services['api-facade'].image;
    const { Config, Size } = JSON.parse(await stack.docker('image', 'inspect', image))[0];
    expect(Config.Labels).toMatchObject({ 'org.opencontainers.image.title': 'dapr-microservice-sample' });
    console.log(`image: ${Math.round(Size / 1e6)} MB`);
    // `find` fails on the folders it may not read; what it found is what counts.
    const look =
      'ls /app /app/node_modules /usr/local/bin /usr/local/lib; find / -xdev \\( -path "/app/*.ts" -o -name _cacache \\) -not -path "*/node_modules/*" 2>/dev/null; true';
    const found = await stack.compose('exec', '-T', 'api-facade', 'sh', '-c', look);
    for (const unwanted of ['typescript', 'vitest', 'smtp-server', 'tsconfig.json', '.test', '_cacache']) {
      expect(found).not.toContain(unwanted);
    }
    expect(found).not.toMatch(/\.ts$/m);
    expect(found).not.toMatch(/^(npm|npx|yarn|corepack)$/m);
    expect(found).toContain('express');
  });

  test('When no profile is asked for, then nothing of observability runs; with it, its pages are for this machine alone', async () => {
    const config = async (...args: string[]) =>
      JSON.parse(await stack.compose(...args, 'config', '--format', 'json')).services;
    const extra = ['jaeger', 'prometheus', 'grafana'];
    expect(Object.keys(await config())).not.toEqual(expect.arrayContaining([expect.stringMatching(extra.join('|'))]));
    const services = await config('--profile', 'observability');
    const ports = extra.flatMap((name) => services[name].ports ?? []);
    expect(ports.map(({ host_ip, target }) => `${host_ip} ${target}`)).toEqual(['127.0.0.1 16686', '127.0.0.1 3000']);
    for (const name of extra) expect(services[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });

  test('When Redis says that it has an event, then that is on disk', async () => {
    for (const [setting, value] of [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
    ]) {
      const answer = await stack.compose('exec', '-T', 'redis', 'redis-cli', 'CONFIG', 'GET', setting as string);
      expect(answer).toBe(`${setting}\n${value}\n`);
    }
  });

  test('When the tokens are looked for, then each container has its own, and no log has any', async () => {
    const tokens: string[] = [];
    for (const service of SERVICES) {
      const script =
        'for e in /proc/[0-9]*/environ; do tr "\\0" "\\n" <$e; done 2>/dev/null | grep -h _API_TOKEN= | sort -u';
      tokens.push(...(await stack.compose('exec', '-T', service, 'sh', '-c', script)).trim().split('\n'));
    }
    expect(tokens).toHaveLength(2 * SERVICES.length);
    expect(new Set(tokens).size).toBe(tokens.length);
    const logs = await stack.compose('logs', '--no-log-prefix');
    for (const token of tokens) expect(logs).not.toContain(token.split('=')[1]);
  });

  test('When a container crashes under load, then it is back by itself, and nothing is lost or doubled but by the kill', async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 50 } });
    const crashed = ['email-notification-service', 'redis', 'api-facade', 'push-notification-service', 'placement'];
    const kills = new Kills();
    const accepted = await postFollows(stack, {
      follows: 200,
      repeated: 40,
      faults: crashed.map((service) => async () => {
        const crash = () => stack.crash(service);
        const back = () =>
          vi.waitFor(async () => expect(await stack.isHealthy(service)).toBe(true), { timeout: 60_000, interval: 500 });
        const subscriber = SUBSCRIBERS.find((one) => one === service);
        if (subscriber) await kills.die(subscriber, crash);
        else if (service === 'redis') await kills.whileNothingIsMarked(SUBSCRIBERS, () => crash().then(back));
        else await crash();
        await back();
      }),
    });
    await stack.inbox.clearFaults();
    const account = await settle(stack, accepted, { deadlineMs: 240_000, kills: kills.list });
    console.log(`${stack.name}: ${describeAccount(account)}`);
    expect(account).toMatchObject({ accepted: 200, mailed: 200, pushed: 200, lost: 0, doubled: 0 });
  }, 400_000);

  test('When there are three replicas of a service, then they share the work, and nothing is doubled', async () => {
    await stack.compose('up', '--detach', '--wait', '--no-recreate', '--scale', 'email-notification-service=3');
    const before = (await stack.inbox.mails()).length;
    const posts = await Promise.all(
      Array.from({ length: 60 }, (_, i) => postFollow(stack, { follower: `scale-${i}`, followee: 'bob' })),
    );
    expect(posts.filter(({ status }) => status !== 202)).toEqual([]);
    await vi.waitFor(async () => expect(await stack.inbox.mails()).toHaveLength(before + 60), { timeout: 30_000 });
    const logs = await stack.compose('logs', '--no-color', 'email-notification-service');
    const workers = logs.split('\n').filter((line) => /"msg":"notified bob by e-mail: scale-/.test(line));
    expect(workers).toHaveLength(60);
    expect(new Set(workers.map((line) => line.split(' ')[0])).size).toBe(3);
  }, 120_000);

  test.each(Array.from({ length: STOPS }, (_, i) => i + 1))(
    'When everything is stopped with mails in flight (round %i), then every container ends with 0, nothing is pending in Redis, and after the next start nothing is lost or doubled',
    async (round) => {
      const accepted = await postFollows(stack, { follows: 60, repeated: 0 });
      expect(await stack.stopContainers()).toBe(0);
      await stack.compose('start', 'redis');
      await vi.waitFor(async () => expect(await stack.isHealthy('redis')).toBe(true), { timeout: 20_000 });
      const pending = SUBSCRIBERS.map((group) =>
        stack.compose('exec', '-T', 'redis', 'redis-cli', 'XPENDING', 'followerAdded', group),
      );
      expect((await Promise.all(pending)).map((answer) => answer.split('\n')[0])).toEqual(['0', '0']);
      await stack.up();
      const account = await settle(stack, accepted, { deadlineMs: 200_000 });
      console.log(`${stack.name}, stopped ${round}: ${describeAccount(account)}`);
      expect(account).toMatchObject({ lost: 0, doubled: 0 });
    },
    300_000,
  );

  test('When everything is stopped while the mail server refuses mails for now, then every container ends with 0, and after the next start nothing is lost or doubled', async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 50 } });
    const accepted = await postFollows(stack, { follows: 60, repeated: 0 });
    await stack.inbox.clearFaults();
    expect(await stack.stopContainers()).toBe(0);
    await stack.up();
    const account = await settle(stack, accepted, { deadlineMs: 200_000 });
    console.log(`${stack.name}, stopped: ${describeAccount(account)}`);
    expect(account).toMatchObject({ lost: 0, doubled: 0 });
  }, 300_000);
});
