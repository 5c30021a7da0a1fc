import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl, kubectlWithInput } from '../stacks/kubectl';
import type { KubernetesStack } from '../stacks/kubernetes-stack';
import { SERVICES } from '../stacks/stack';

const STRANGERS = 'followers-strangers';

/** Prints which of the addresses in its arguments take a connection. */
const PROBE = `
  Promise.all(process.argv.slice(1).map((address) => new Promise((resolve) => {
    const at = address.lastIndexOf(':');
    const socket = require('node:net').connect({ host: address.slice(0, at), port: address.slice(at + 1), timeout: 2000 });
    const end = (open) => { socket.destroy(); resolve(open ? [address] : []); };
    socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false));
  }))).then((open) => console.log(JSON.stringify(open.flat())));`;

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'stranger', namespace: STRANGERS, labels: { 'app.kubernetes.io/component': 'subscriber' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'app', image: 'dapr-microservice-sample:1.0.0', command: ['sleep', '3600'] }],
  },
};

/** Defines the tests that a pod of another namespace reaches nothing of the sample, and a pod of the sample only what it needs. */
export function networkScenarios(sharedStack: () => KubernetesStack): void {
  beforeAll(async () => {
    await kubectl('create', 'namespace', STRANGERS);
    await kubectlWithInput(JSON.stringify(pod), '--namespace', STRANGERS, 'apply', '--filename', '-');
    await kubectl('--namespace', STRANGERS, 'wait', '--for', 'condition=Ready', 'pod/stranger', '--timeout', '60s');
  }, 90_000);
  afterAll(() => kubectl('delete', 'namespace', STRANGERS, '--ignore-not-found'), 60_000);

  const openFrom = async (namespace: string, name: string, addresses: string[]): Promise<string[]> =>
    JSON.parse(
      await kubectl(
        '--namespace',
        namespace,
        'exec',
        name,
        '--container',
        'app',
        '--',
        'node',
        '-e',
        PROBE,
        ...addresses,
      ),
    );
  const dns = 'kube-dns.kube-system.svc.cluster.local:53';

  test('When a pod of another namespace connects, then it reaches neither the services, nor a sidecar, Redis or the inboxes', async () => {
    const stack = sharedStack();
    const addresses: string[] = [];
    for (const service of SERVICES) {
      for (const { status } of await stack.podsOf(service)) {
        for (const port of [8080, 3500, 3501, 50001, 50002, 9090]) addresses.push(`${status.podIP}:${port}`);
      }
    }
    for (const [name, ...ports] of [
      ['redis', 6379],
      ['mailpit', 1025, 8025],
      ['ntfy', 80],
    ] as const) {
      for (const { status } of await stack.podsOf(name))
        addresses.push(...ports.map((port) => `${status.podIP}:${port}`));
    }
    addresses.push('api-facade.followers:80', 'redis.followers:6379', 'mailpit.followers:8025', 'ntfy.followers:80');
    expect(addresses.length).toBeGreaterThan(30);
    expect(await openFrom(STRANGERS, 'stranger', [dns, ...addresses])).toEqual([dns]);
  }, 60_000);

  test('When a service connects, then it reaches its own inbox and Redis, and not the inbox of the other service', async () => {
    const stack = sharedStack();
    const reached = async (service: string) => {
      const [found] = await stack.podsOf(service);
      return openFrom('followers', found?.metadata.name ?? '', [
        'redis:6379',
        'mailpit:1025',
        'ntfy:80',
        'mailpit:8025',
      ]);
    };
    expect(await reached('email-notification-service')).toEqual(['redis:6379', 'mailpit:1025']);
    expect(await reached('push-notification-service')).toEqual(['redis:6379', 'ntfy:80']);
    expect(await reached('api-facade')).toEqual(['redis:6379']);
  }, 60_000);
}
