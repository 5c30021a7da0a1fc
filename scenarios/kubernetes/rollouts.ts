import { expect, test, vi } from 'vitest';
import { type Account, describeAccount, settle } from '../accounting/account';
import { Kills } from '../accounting/kills';
import { type Accepted, postFollows } from '../accounting/traffic';
import { isReady, kubectl, podsWith } from '../stacks/kubectl';
import type { KubernetesStack } from '../stacks/kubernetes-stack';
import { SERVICES, type Service, SUBSCRIBERS } from '../stacks/stack';

/** The follows of each scenario, at least. */
const FOLLOWS = Number(process.env.FOLLOWS ?? 400);
const CHUNK = 50;
const ROLLOUT = ['--timeout', '400s'];

/** Defines the tests that a cluster may move, stop and kill the pods under load. */
export function rolloutScenarios(sharedStack: () => KubernetesStack): void {
  /** Posts follows until the fault is over, and resolves with the account and with the requests that failed. */
  const underLoad = async (fault: () => Promise<unknown>, kills = new Kills()) => {
    const stack = sharedStack();
    const accepted: Accepted[] = [];
    const failures: string[] = [];
    let isOver = false;
    const faulting = fault().finally(() => {
      isOver = true;
    });
    faulting.catch(() => {}); // the await below handles the rejection
    const onFailure = (what: string) => failures.push(`${new Date().toISOString()} ${what}`);
    while (!isOver || accepted.length < FOLLOWS) {
      accepted.push(...(await postFollows(stack, { follows: CHUNK, repeated: 0, maxConcurrent: 8, onFailure })));
    }
    await faulting;
    const account = await settle(stack, accepted, { deadlineMs: 300_000, kills: kills.list });
    console.log(`${stack.name}: ${describeAccount(account)}, failed requests ${failures.length}`);
    const { length } = accepted;
    expect(account).toMatchObject({ accepted: length, mailed: length, pushed: length, lost: 0, doubled: 0 });
    return { account, failures };
  };
  const expectNoFailure = ({ account, failures }: { account: Account; failures: string[] }) => {
    expect(failures).toEqual([]);
    expect(account.dead).toBe(0);
  };

  test('When all services are updated pod by pod under load, then no request fails, and nothing is lost or doubled', async () => {
    const update = async () => {
      await kubectl('rollout', 'restart', ...SERVICES.map((service) => `deployment/${service}`));
      for (const service of SERVICES) await kubectl('rollout', 'status', `deployment/${service}`, ...ROLLOUT);
    };
    expectNoFailure(await underLoad(update));
  }, 900_000);

  test('When a node is drained under load, then no request fails, and nothing is lost or doubled', async (context) => {
    const nodes = (await kubectl('get', 'nodes', '--output', 'name'))
      .trim()
      .split('\n')
      .map((name) => name.slice(5));
    const [redis] = await podsWith('app.kubernetes.io/name=redis');
    const node = nodes.find((name) => name !== redis?.spec.nodeName);
    if (node === undefined) return context.skip('the cluster has one node');
    try {
      const flags = ['--ignore-daemonsets', '--delete-emptydir-data'];
      expectNoFailure(await underLoad(() => kubectl('drain', node, ...flags, ...ROLLOUT)));
    } finally {
      await kubectl('uncordon', node);
    }
  }, 900_000);

  test('When the services have one pod, then three, and then one again under load, then no request fails, and nothing is lost or doubled', async () => {
    const stack = sharedStack();
    const scale = async (replicas: number) => {
      await kubectl('scale', `--replicas=${replicas}`, ...SERVICES.map((service) => `deployment/${service}`));
      for (const service of SERVICES) await stack.waitForPods(service, replicas);
    };
    await scale(1);
    try {
      expectNoFailure(await underLoad(() => scale(3).then(() => scale(1))));
    } finally {
      await scale(2);
    }
  }, 900_000);

  test('When pods are killed under load, then nothing is lost, and nothing is doubled except by a kill', async () => {
    const stack = sharedStack();
    const kills = new Kills();
    const killOneOf = async (service: Service) => {
      const [pod] = (await stack.podsOf(service)).sort(() => Math.random() - 0.5);
      if (pod) await kills.die(service, () => stack.killPod(pod));
      await stack.waitForPods(service, 2);
    };
    await underLoad(async () => {
      for (const service of [...SUBSCRIBERS, ...SERVICES]) await killOneOf(service);
    }, kills);
  }, 900_000);

  test('When a new version has no sidecar, because a component is broken, then the old pods go on', async () => {
    const stack = sharedStack();
    const service = 'email-notification-service';
    const before = (await stack.podsOf(service)).map(({ metadata }) => metadata.name);
    await stack.breakComponents(service);
    await vi.waitFor(async () => expect(await stack.podsOf(service)).toHaveLength(before.length + 1), {
      timeout: 60_000,
    });
    expectNoFailure(await underLoad(async () => {}));
    const after = await stack.podsOf(service);
    expect(after.filter(({ metadata }) => !before.includes(metadata.name)).map(isReady)).toEqual([false]);
    await kubectl('rollout', 'undo', `deployment/${service}`);
    await stack.waitForPods(service, before.length);
  }, 300_000);
}
