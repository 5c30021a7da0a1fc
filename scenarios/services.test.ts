import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadRunFile } from '../local/run/run-file';
import { ROOT } from './stacks/root';

// dapr.yaml says which services there are. This test finds every other file that must name a service and does not.

const load = (file: string) => parse(readFileSync(join(ROOT, file), 'utf8'), { merge: true });

interface App {
  appID: string;
  appPort?: number;
  command: string[];
}
const { apps } = load('dapr.yaml') as { apps: App[] };
const services = apps.filter(({ appID }) => appID !== 'inbox');
const subscribers = services.filter(({ appID }) => appID !== 'api-facade').map(({ appID }) => appID);

/** The pub/sub components of the brokers that run outside the services. */
const brokers = readdirSync(join(ROOT, 'components')).flatMap((folder) => {
  if (folder.includes('.') || folder.endsWith('-replay')) return [];
  const file = `components/${folder}/pubsub.yaml`;
  if (!readdirSync(join(ROOT, 'components', folder)).includes('pubsub.yaml')) return [];
  const { spec } = load(file) as { spec: { type: string; metadata?: { name: string; value: string }[] } };
  if (spec.type === 'pubsub.in-memory') return []; // it has no scopes
  const metadata = Object.fromEntries((spec.metadata ?? []).map(({ name, value }) => [name, value]));
  /** The topics of each app in a list such as `a=t1,t2;b=t3`. */
  const scopes = (name: string) =>
    new Map(
      (metadata[name] ?? '').split(';').map((entry = '') => entry.replaceAll(' ', '').split('=') as [string, string]),
    );
  return [
    {
      file,
      topics: (metadata.protectedTopics ?? '').split(','),
      publishing: scopes('publishingScopes'),
      subscribing: scopes('subscriptionScopes'),
    },
  ];
});

test('When npm start or npm run dev says that everything runs, then every program listens', () => {
  // Without a port, a sidecar does not wait for its app.
  for (const file of ['dapr.yaml', 'dapr.dev.yaml'])
    expect(
      (load(file).apps as App[]).filter(({ appPort }) => appPort === undefined),
      file,
    ).toEqual([]);
});

test('When the files are read, then there are subscribers and brokers', () => {
  expect(subscribers.length).toBeGreaterThan(1);
  expect(brokers.map(({ file }) => file)).toEqual(
    expect.arrayContaining(['components/kafka/pubsub.yaml', 'components/redis/pubsub.yaml']),
  );
});

describe.each(subscribers)('%s', (service) => {
  test.each(brokers)(
    'When its sidecar reads $file, then it may subscribe, and publish its dead letters and retries',
    (broker) => {
      const { file, publishing, subscribing } = broker;
      const [dead, retries] = [`${service}-dead-letters`, `${service}-retries`];
      const topics = (scopes: Map<string, string>) => scopes.get(service)?.split(',').toSorted();
      expect(topics(publishing), `${file}: publishingScopes has no entry "${service}=${dead},${retries}"`).toEqual([
        dead,
        retries,
      ]);
      const subscribed = topics(subscribing) ?? [];
      expect(subscribed, `${file}: subscriptionScopes has no entry "${service}=TOPIC,${retries}"`).toContain(retries);
      expect(subscribed.length).toBeGreaterThan(1);
      const unknown = subscribed.filter((topic) => topic !== retries && !broker.topics.includes(topic));
      expect(unknown, `${file}: subscriptionScopes of ${service} has topics that protectedTopics has not`).toEqual([]);
    },
  );

  test('When docker-compose.yml is read, then it runs the service as the others, and Prometheus finds its metrics', () => {
    const { services: containers } = load('docker-compose.yml');
    const container = containers[service];
    expect(container, `docker-compose.yml has no service ${service}`).toBeDefined();
    const { image, pull_policy, init, read_only, healthcheck } = containers['api-facade'];
    expect(container).toMatchObject({ command: [service], image, pull_policy, init, read_only, healthcheck });
    const [scrape] = load('observability/prometheus.yml').scrape_configs;
    const [{ names }] = scrape.dns_sd_configs;
    expect(container.networks.metrics.aliases).toEqual(expect.arrayContaining(names));
  });
});

test('When dapr.yaml and dapr.dev.yaml are compared, then development differs only in the commands', () => {
  const inMemory = [join(ROOT, 'components/common'), join(ROOT, 'components/in-memory')];
  const usual = loadRunFile(join(ROOT, 'dapr.yaml'), inMemory);
  const development = loadRunFile(join(ROOT, 'dapr.dev.yaml'));
  const withoutCommands = ({ apps, ...file }: typeof usual) => ({
    ...file,
    apps: apps.map((app) => ({ ...app, command: [] })),
  });
  expect(withoutCommands(development)).toEqual(withoutCommands(usual));
  const programs = ({ apps }: typeof usual) => apps.map(({ command }) => command.at(-1) ?? '');
  expect(programs(development).map((path) => `dist/${path.replace(/ts$/, 'js')}`)).toEqual(programs(usual));
});

test('When ports are compared, then no two apps listen on the same one', () => {
  const ports = services.map(({ appPort }) => appPort);
  expect(new Set(ports).size).toBe(ports.length);
});
