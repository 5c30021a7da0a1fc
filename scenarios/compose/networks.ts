import { beforeAll, describe, expect, type TestContext, test } from 'vitest';
import type { ComposeStack } from '../stacks/compose-stack';
import { SERVICES, SUBSCRIBERS } from '../stacks/stack';
import { listeningAddresses, openFrom } from './open-ports';

const OBSERVABILITY = ['jaeger', 'prometheus', 'grafana'];

/**
 * Defines the tests that each container reaches only what it needs. They connect from the place of each container to
 * every port on which a container listens, also to ports that are not known here.
 *
 * @param brokers the containers that hold events or states, as `name port`
 */
export function networkScenarios(sharedStack: () => ComposeStack, brokers: readonly string[]): void {
  let names: Map<string, string>;
  beforeAll(async () => {
    names = await listeningAddresses(sharedStack());
  }, 60_000);

  /** Resolves with the ports that accept a connection, as `name port`, without those of the client itself. */
  async function reached(network: string, self = ''): Promise<string[]> {
    const open = await openFrom(sharedStack(), network, [...names.keys()]);
    return [...new Set(open.map((address) => names.get(address) ?? address))]
      .filter((name) => !name.startsWith(`${self} `))
      .sort();
  }

  /** Only real Dapr has metrics and a port for service invocation. */
  function skipWithoutDapr(context: TestContext): void {
    const reason = sharedStack().replayUnavailable;
    if (reason) context.skip(reason);
  }

  async function reachedBy(service: string): Promise<string[]> {
    const container = (await sharedStack().inspectContainers()).find((found) => found.service === service);
    return reached(`container:${container?.Id}`, service);
  }

  test('When the containers are looked at, then all of them listen', () => {
    const listening = [...names.values()].map((name) => name.split(' ')[0]);
    // A subscriber listens on loopback only, and only real Dapr has other ports.
    const services = sharedStack().replayUnavailable ? ['api-facade'] : SERVICES;
    expect(listening).toEqual(expect.arrayContaining([...services, 'mailpit', 'ntfy', 'placement']));
    expect([...names.values()]).toEqual(expect.arrayContaining([...brokers]));
  });

  test.each(['mailpit', 'ntfy'])(
    'When %s connects, then no other container accepts',
    async (service) => {
      expect(await reachedBy(service)).toEqual([]);
    },
    30_000,
  );

  // The port of api-facade is open to everybody on this machine, too.
  test.each(['placement', ...brokers.map((broker) => broker.split(' ')[0] ?? '')])(
    'When %s connects, then only api-facade accepts',
    async (service) => {
      expect(await reachedBy(service)).toEqual(['api-facade 8080']);
    },
    30_000,
  );

  describe.each(SERVICES)('%s', (service) => {
    const needed: Record<string, string[]> = {
      'email-notification-service': ['mailpit 1025'],
      'push-notification-service': ['ntfy 80'],
    };

    test('When it connects, then it reaches what it needs, and neither the inbox nor the sidecar of another service', async () => {
      const found = await reachedBy(service);
      const own = needed[service] ?? [];
      expect(found).toEqual(expect.arrayContaining(['placement 50005', ...brokers, ...own]));
      const inboxes = found.filter((name) => /^(mailpit|ntfy) /.test(name));
      expect([...new Set(inboxes.map((name) => name.split(' ')[0]))]).toEqual(own.map((name) => name.split(' ')[0]));
      // All sidecars show their metrics in one network.
      const others = found.filter(
        (name) => SERVICES.some((other) => name.startsWith(other)) && !/ (9090|8080)$/.test(name),
      );
      if (service === 'api-facade') expect(others).toEqual([]);
    }, 30_000);
  });

  describe('with the profile observability', () => {
    // A profile on the command line replaces those of the environment.
    const profiles = ['--profile', 'observability', '--profile', 'kafka'];
    const project = async () => JSON.parse(await sharedStack().compose(...profiles, 'config', '--format', 'json'));

    test('When jaeger connects, then only api-facade accepts', async () => {
      const { services, networks } = await project();
      expect(Object.keys(services.jaeger.networks)).toEqual(['traces']);
      expect(await reached(networks.traces.name)).toEqual(['api-facade 8080']);
    }, 30_000);

    test('When prometheus connects, then it reaches the metrics of every sidecar', async (context) => {
      skipWithoutDapr(context);
      const { services, networks } = await project();
      expect(Object.keys(services.prometheus.networks).sort()).toEqual(['dashboard', 'metrics']);
      const metrics = SERVICES.map((service) => `${service} 9090`);
      expect(await reached(networks.metrics.name)).toEqual(['api-facade 8080', ...metrics].sort());
    }, 30_000);

    test('When grafana is looked at, then it shares a network with prometheus only', async () => {
      const { services } = await project();
      expect(Object.keys(services.grafana.networks)).toEqual(['dashboard']);
      const others = Object.keys(services).filter((name) => 'dashboard' in services[name].networks);
      expect(others.sort()).toEqual(['grafana', 'prometheus']);
    });

    test('When two containers are compared, then no inbox or page shares a network with a broker', async () => {
      const { services } = await project();
      const brokerNetworks = brokers.flatMap((broker) => Object.keys(services[broker.split(' ')[0] ?? ''].networks));
      for (const page of ['mailpit', 'ntfy', ...OBSERVABILITY]) {
        expect(Object.keys(services[page].networks).filter((name) => brokerNetworks.includes(name))).toEqual([]);
      }
    });
  });

  test('When a replay connects, then it finds the sidecars of the subscribers', async (context) => {
    skipWithoutDapr(context);
    const { networks } = JSON.parse(await sharedStack().compose('config', '--format', 'json'));
    const found = await reached(networks.invocation.name);
    expect(found).toHaveLength(SUBSCRIBERS.length);
    for (const service of SUBSCRIBERS) expect(found.join()).toContain(service);
  }, 30_000);
}
