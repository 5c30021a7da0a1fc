import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { type Account, describeAccount, settle } from '../accounting/account';
import { Kills } from '../accounting/kills';
import { type Accepted, postFollows } from '../accounting/traffic';
import { isReady, kubectl, podsWith } from '../stacks/kubectl';
import type { KubernetesStack } from '../stacks/kubernetes-stack';
import { SERVICES, type Service } from '../stacks/stack';

/** The follows of each scenario, at least. */
const FOLLOWS = Number(process.env.FOLLOWS ?? 2_000);
/** At most this many follows are posted in a second, so that a small machine can also move its pods. */
const FOLLOWS_PER_SECOND = 50;
const KILLS = 10;
/** After the death of a pod, every node learns within this time that the pod gets no more requests. */
const UNNOTICED_MS = 5_000;
const ROLLOUT = ['--timeout', '400s'];

interface Failure {
  atMs: number;
  what: string;
}

const describeFailures = (failures: Failure[]) =>
  failures.map(({ atMs, what }) => `${new Date(atMs).toISOString()} ${what}`);

/** Defines the tests that a cluster may move, stop and kill the pods under load. */
export function rolloutScenarios(sharedStack: () => KubernetesStack): void {
  /** Posts follows until the fault is over, and resolves with the account and with the requests that failed. */
  const underLoad = async (fault: () => Promise<unknown>, { kills = new Kills(), follows = FOLLOWS } = {}) => {
    const stack = sharedStack();
    const accepted: Accepted[] = [];
    const failures: Failure[] = [];
    let isOver = false;
    const faulting = fault().finally(() => {
      isOver = true;
    });
    faulting.catch(() => {}); // the await below handles the rejection
    const onFailure = (what: string) => failures.push({ atMs: Date.now(), what });
    while (!isOver || accepted.length < follows) {
      const second = sleep(1_000);
      const options = { follows: FOLLOWS_PER_SECOND, repeated: 0, maxConcurrent: 8, onFailure };
      accepted.push(...(await postFollows(stack, options)));
      await second;
    }
    await faulting;
    const account = await settle(stack, accepted, { deadlineMs: 300_000, kills: kills.list });
    const summary = `${stack.name}: ${describeAccount(account)}, failed requests ${failures.length}`;
    console.log([summary, ...describeFailures(failures)].join('\n'));
    if (failures.length > 0) console.log(`gateway:\n${await kubectl('logs', 'gateway', '--tail', '20')}`);
    const { length } = accepted;
    expect(account).toMatchObject({ accepted: length, mailed: length, pushed: length, lost: 0, doubled: 0 });
    return { account, failures };
  };
  const expectNoFailure = ({ account, failures }: { account: Account; failures: Failure[] }) => {
    expect(describeFailures(failures)).toEqual([]);
    expect(account).toMatchObject({ dead: 0, doubledByKill: 0 });
  };

  test('When all services are updated pod by pod under load, then no request fails, and nothing is lost or doubled', async () => {
    const update = async () => {
      await kubectl('rollout', 'restart', ...SERVICES.map((service) => `deployment/${service}`));
      for (const service of SERVICES) await kubectl('rollout', 'status', `deployment/${service}`, ...ROLLOUT);
    };
    expectNoFailure(await underLoad(update));
  }, 900_000);

  test('When a node is drained under load, then no request fails, and nothing is lost or doubled', async (context) => {
    const [redis] = await podsWith('app.kubernetes.io/name=redis');
    const pods = (await Promise.all(SERVICES.map(sharedStack().podsOf))).flat();
    const node = pods.map(({ spec }) => spec.nodeName).find((name) => name && name !== redis?.spec.nodeName);
    if (node === undefined) return context.skip('every pod is on the node of Redis');
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

  test(`When ${KILLS} pods are killed under load, then nothing is lost, nothing is doubled except by a kill, and no request fails except at the kill of api-facade`, async () => {
    const stack = sharedStack();
    const kills = new Kills();
    // A pod that is killed again and again starts later each time, so every second one is replaced.
    const killOneOf = async (service: Service, isReplaced: boolean) => {
      const [pod] = (await stack.podsOf(service)).sort(() => Math.random() - 0.5);
      if (pod) await kills.die(service, () => stack.killPod(pod));
      if (pod && isReplaced) await kubectl('delete', 'pod', pod.metadata.name, '--grace-period', '0', '--force');
      await stack.waitForPods(service, 2);
    };
    const { failures } = await underLoad(
      async () => {
        for (let kill = 0; kill < KILLS; kill += 1)
          await killOneOf(SERVICES[kill % SERVICES.length] as Service, kill % 2 === 1);
      },
      { kills },
    );
    const facadeKills = kills.list.filter(({ service }) => service === 'api-facade');
    const unexplained = failures.filter(
      ({ atMs }) => !facadeKills.some(({ sinceMs, untilMs }) => atMs > sinceMs && atMs < untilMs + UNNOTICED_MS),
    );
    expect(describeFailures(unexplained)).toEqual([]);
  }, 900_000);

  test('When a new version has no sidecar, because a component is broken, then the old pods go on', async () => {
    const stack = sharedStack();
    const service = 'email-notification-service';
    const before = (await stack.podsOf(service)).map(({ metadata }) => metadata.name);
    await stack.breakComponents(service);
    await vi.waitFor(async () => expect(await stack.podsOf(service)).toHaveLength(before.length + 1), {
      timeout: 60_000,
    });
    expectNoFailure(await underLoad(async () => {}, { follows: 400 }));
    const after = await stack.podsOf(service);
    expect(after.filter(({ metadata }) => !before.includes(metadata.name)).map(isReady)).toEqual([false]);
    await kubectl('rollout', 'undo', `deployment/${service}`);
    await stack.waitForPods(service, before.length);
  }, 300_000);
}
