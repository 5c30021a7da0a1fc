import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import type { ComposeStack } from '../stacks/compose-stack';
import { SERVICES } from '../stacks/stack';
import { openFrom } from './open-ports';

/** The ports on which programs in the containers listen. */
const CONTAINER_PORTS = [1025, 3500, 6379, 8025, 8080, 9090, 50005, 50001, 80];

/** A shell script that prints the API tokens in the environment of every process of its container. */
const PRINT_TOKENS =
  'for e in /proc/[0-9]*/environ; do tr "\\0" "\\n" <$e; done 2>/dev/null | grep -h _API_TOKEN= | sort -u';

const ipv4Interfaces = () =>
  Object.values(networkInterfaces()).flatMap((list) => (list ?? []).filter(({ family }) => family === 'IPv4'));

/** Defines the tests of the containers' privileges, ports, networks and tokens. */
export function isolationScenarios(sharedStack: () => ComposeStack): void {
  test('When the containers run, then none runs as root, writes to its image, gains privileges or keeps capabilities', async () => {
    for (const { service, Config, HostConfig } of await sharedStack().inspectContainers()) {
      expect(Config.User, service).toMatch(/^(node|[1-9]\d*)/);
      expect(HostConfig, service).toMatchObject({
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: 'unless-stopped' },
        LogConfig: { Config: { 'max-size': '10m' } },
      });
      expect(HostConfig.Memory, service).toBeGreaterThan(0);
      expect(HostConfig.PidsLimit, service).toBeGreaterThan(0);
    }
  });

  test('When the containers run, then they publish three ports, on 127.0.0.1 only', async () => {
    const stack = sharedStack();
    const published = (await stack.inspectContainers()).flatMap(({ service, NetworkSettings }) =>
      Object.entries(NetworkSettings.Ports).flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp }) => `${service} ${port} ${HostIp}`),
      ),
    );
    expect(published.sort()).toEqual([
      'api-facade 8080/tcp 127.0.0.1',
      'mailpit 8025/tcp 127.0.0.1',
      'ntfy 80/tcp 127.0.0.1',
    ]);
    const { port } = new URL(stack.facadeUrl);
    for (const { address } of ipv4Interfaces().filter(({ internal }) => !internal)) {
      await expect(fetch(`http://${address}:${port}/livez`, { signal: AbortSignal.timeout(2_000) })).rejects.toThrow();
    }
  });

  test('When another container on the default bridge connects, then no address of the stack or of this machine accepts', async () => {
    const stack = sharedStack();
    const containerAddresses = (await stack.inspectContainers()).flatMap(({ NetworkSettings }) =>
      Object.values(NetworkSettings.Networks).flatMap(({ IPAddress }) =>
        CONTAINER_PORTS.map((port) => `${IPAddress}:${port}`),
      ),
    );
    const publishedPorts = [stack.facadeUrl, stack.inbox.mailUrl, stack.inbox.pushUrl].map((url) => new URL(url).port);
    const hostAddresses = ipv4Interfaces().flatMap(({ address }) => publishedPorts.map((port) => `${address}:${port}`));
    const addresses = [...containerAddresses, ...hostAddresses];
    expect(addresses.length).toBeGreaterThan(60);
    // networks.ts shows that this program finds open ports inside.
    expect(await openFrom(stack, 'bridge', addresses)).toEqual([]);
  }, 60_000);

  test('When the profile observability is off, then its containers do not run; when it is on, then its pages are on 127.0.0.1 only', async () => {
    const servicesWith = async (...flags: string[]) =>
      JSON.parse(await sharedStack().compose(...flags, 'config', '--format', 'json')).services;
    const extra = ['jaeger', 'prometheus', 'grafana'];
    const usual = Object.keys(await servicesWith());
    expect(usual).not.toEqual(expect.arrayContaining([expect.stringMatching(extra.join('|'))]));
    const services = await servicesWith('--profile', 'observability');
    const ports = extra.flatMap((name) => services[name].ports ?? []);
    expect(ports.map(({ host_ip, target }) => `${host_ip} ${target}`)).toEqual(['127.0.0.1 16686', '127.0.0.1 3000']);
    for (const name of extra) expect(services[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });

  test('When the services run, then each container has different tokens, and no log contains a token', async () => {
    const stack = sharedStack();
    const tokens: string[] = [];
    for (const service of SERVICES) {
      tokens.push(...(await stack.exec(service, 'sh', '-c', PRINT_TOKENS)).trim().split('\n'));
    }
    expect(tokens).toHaveLength(2 * SERVICES.length);
    expect(new Set(tokens).size).toBe(tokens.length);
    const logs = await stack.compose('logs', '--no-log-prefix');
    for (const token of tokens) expect(logs).not.toContain(token.split('=')[1]);
  });
}
